namespace Coppice.Server.Serving;

/// <summary>
/// What a request's answers may take in memory beyond their tokens, which the keys and values bound that belong to them: log probabilities, and
/// what penalties remember. It is known before the request is let in, and is an upper bound.
/// </summary>
internal static class AnswerSize
{
    // A token's log probability as an object, with its places in lists; each alternative beside it. Both again as JSON.
    private const int TokenBytes = 96, AlternativeBytes = 8, TokenJson = 48, AlternativeJson = 40;

    /// <summary>Bytes of answers that are written as they are sent. An echoed prompt's are there once, however many answers it stands before.</summary>
    public static long Of(GenerationRequest request, ServedModel model) => Remembered(request, model) + LogProbs(request, model, 1, TokenBytes, AlternativeBytes);

    /// <summary>Bytes of answers that stand in memory whole as JSON, as those to a batch's line do.</summary>
    public static long OfLine(GenerationRequest request, ServedModel model) => Of(request, model) + LogProbs(request, model, request.Options.N, TokenJson, AlternativeJson);

    private static long LogProbs(GenerationRequest request, ServedModel model, int echoes, int perToken, int perAlternative)
    {
        if (request.Options.LogProbs is not int alternatives) return 0;
        long tokens = request.Samples * Longest(request, model);
        if (request.Body.Echo) tokens += echoes * request.Body.Prompts!.Sum(prompt => Math.Min(model.MaxContextTokens, prompt.Tokens?.Length ?? prompt.Text!.Length + 1L));
        return tokens * (perToken + (alternatives + 1L) * perAlternative);
    }

    // A penalty needs to know the answer so far.
    private static long Remembered(GenerationRequest request, ServedModel model) =>
        request.Options is { RepetitionPenalty: 1, PresencePenalty: 0, FrequencyPenalty: 0 } ? 0 : request.Samples * Longest(request, model) * sizeof(int);

    private static long Longest(GenerationRequest request, ServedModel model) => Math.Min(request.MaxTokens ?? int.MaxValue, model.MaxContextTokens);
}
