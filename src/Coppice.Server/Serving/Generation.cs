using Coppice.Server.Prefixes;
using Coppice.Server.Wire;

namespace Coppice.Server.Serving;

/// <summary>A request for answers, ready for the engine. Each prompt is continued n times: the answers to prompt p are choices [p·n, (p+1)·n).</summary>
internal sealed record Generation(IReadOnlyList<int[]> Prompts, GenerateOptions Options, GenerationRequest Request)
{
    /// <summary>What is put before the answers to each prompt; null: nothing.</summary>
    public IReadOnlyList<string>? Echoes { get; init; }

    /// <summary>How answers call tools; null if they cannot.</summary>
    public ToolUse? Tools { get; init; }

    /// <summary>What of the request could not be kept to.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What the prompts begin with, if it was declared.</summary>
    public PrefixUse? Prefix => Request.Prefix;

    /// <summary>What answers must look like; null: any text.</summary>
    public ConstraintSource? Form => Tools?.Form ?? Request.Body.Constraint;

    /// <summary>The prompts are computed, or scored, and not continued.</summary>
    public bool OnlyPrompts => Request.MaxTokens == 0;

    /// <summary>Turns the prompts into tokens: the part of making a request ready that takes the longer, the longer they are.</summary>
    /// <exception cref="ApiException">They do not fit.</exception>
    /// <exception cref="ChatTemplateException">The template refuses the conversation.</exception>
    public static Generation Of(GenerationRequest request, ServedModel model, ServerLimits limits) =>
        request.IsChat ? OfChat(request, model, limits) : OfCompletion(request, model, limits);

    private static Generation OfCompletion(GenerationRequest request, ServedModel model, ServerLimits limits)
    {
        IEnumerable<PromptSource> sources = request.Body.Prompts!;
        if (request.Prefix is { Prefix: { } prefix }) sources = sources.Select(source => Joined(model, prefix, source));
        PromptSource[] whole = [.. sources];
        Generation generation = new(Checked(model, request, [.. whole.Select(model.Encode)], "prompt", limits), request.Options, request);
        return request.Body.Echo ? generation with { Echoes = [.. whole.Select(source => source.Text ?? model.Tokenizer.Decode(source.Tokens!))] } : generation;
    }

    private static Generation OfChat(GenerationRequest request, ServedModel model, ServerLimits limits)
    {
        ChatSource chat = request.Body.Chat;
        IReadOnlyList<ChatMessage> messages = request.Prefix is { Prefix.Source.Messages: { } before } ? [.. before, .. chat.Messages!] : chat.Messages!;
        int[] prompt = model.Encode(chat, messages, out ToolUse? tools);
        return new(Checked(model, request, [prompt], "messages", limits), request.Options, request) { Tools = tools };
    }

    /// <summary>Texts are joined as texts, so that the prompt is written as if it had been sent whole.</summary>
    private static PromptSource Joined(ServedModel model, Prefix prefix, PromptSource prompt) => prefix.Source.Prompt?.Text is string text && prompt.Text is not null
        ? new PromptSource(text + prompt.Text, null)
        : new PromptSource(null, [.. prefix.Tokens, .. prompt.Tokens ?? model.Tokenizer.Encode(prompt.Text!, Specials.InText)]);

    private static int[][] Checked(ServedModel model, GenerationRequest request, int[][] prompts, string param, ServerLimits limits)
    {
        foreach (int[] prompt in prompts)
        {
            if (prompt.Length == 0) throw ApiException.Invalid(param, $"{param} has no tokens; it needs at least one.");
            if (prompt.Length > limits.PromptTokens)
                throw new ApiException(400, $"The prompt has {prompt.Length} tokens; this server takes {limits.PromptTokens}.") { Param = param, Code = "context_length_exceeded" };
            if (prompt.Length + (request.MaxTokens == 0 ? 0 : 1) > model.MaxContextTokens)
                throw new ApiException(400, $"The prompt has {prompt.Length} tokens and the model takes {model.MaxContextTokens}, the answer included.") { Param = param, Code = "context_length_exceeded" };
            model.CheckTokens(param, prompt);
        }

        return prompts;
    }
}
