using Coppice.Tokens;

namespace Coppice.Sampling;

/// <summary>The ranges of <see cref="GenerateOptions"/>. Where OpenAI's API has a range, it is that one.</summary>
internal static class OptionLimits
{
    public const int MaxSamples = 1024;
    public const float MaxTemperature = 2;
    public const float MaxPenalty = 2;
    public const float MaxRepetitionPenalty = 10;
    public const float MaxLogitBias = 100;
    public const int MaxLogProbs = 20;
    public const float MaxOwnerWeight = 1000;
    public const int MaxStops = 16;
    public const int MaxStopCharacters = 1000;

    /// <summary>Checks every field.</summary>
    /// <exception cref="InvalidRequestException">The first field out of range, with its value and limit.</exception>
    public static void Check(GenerateOptions options, TokenIds ids)
    {
        Whole(nameof(options.N), options.N, 1, MaxSamples);
        if (options.BestOf is int bestOf) Whole(nameof(options.BestOf), bestOf, options.N, MaxSamples);
        if (options.MaxTokens is int maxTokens) Whole(nameof(options.MaxTokens), maxTokens, 0, int.MaxValue);
        Whole(nameof(options.MinTokens), options.MinTokens, 0, int.MaxValue);
        if (options.MinTokens > options.MaxTokens)
            throw new InvalidRequestException($"{nameof(options.MinTokens)} is {options.MinTokens}; it must not exceed {nameof(options.MaxTokens)}, which is {options.MaxTokens}.");

        Real(nameof(options.Temperature), options.Temperature, 0, MaxTemperature);
        Whole(nameof(options.TopK), options.TopK, 0, int.MaxValue);
        AboveZero(nameof(options.TopP), options.TopP, 1);
        Real(nameof(options.MinP), options.MinP, 0, 1);
        AboveZero(nameof(options.RepetitionPenalty), options.RepetitionPenalty, MaxRepetitionPenalty);
        Real(nameof(options.PresencePenalty), options.PresencePenalty, -MaxPenalty, MaxPenalty);
        Real(nameof(options.FrequencyPenalty), options.FrequencyPenalty, -MaxPenalty, MaxPenalty);
        AboveZero(nameof(options.OwnerWeight), options.OwnerWeight, MaxOwnerWeight);
        if (options.LogProbs is int logProbs) Whole(nameof(options.LogProbs), logProbs, 0, Math.Min(MaxLogProbs, ids.Count));

        foreach ((int token, float value) in options.LogitBias ?? new Dictionary<int, float>())
        {
            Token($"A token of {nameof(options.LogitBias)}", token, ids);
            Real($"{nameof(options.LogitBias)}[{token}]", value, -MaxLogitBias, MaxLogitBias);
        }
        CheckStops(options.Stop);
        if (options.StopTokens is null) throw new InvalidRequestException($"{nameof(options.StopTokens)} is null; for none, leave it empty.");
        foreach (int token in options.StopTokens) Token($"A token of {nameof(options.StopTokens)}", token, ids);
    }

    /// <inheritdoc cref="Check(GenerateOptions, TokenIds)"/>
    public static void Check(ScoreOptions options, TokenIds ids)
    {
        Whole(nameof(options.TopLogProbs), options.TopLogProbs, 0, Math.Min(MaxLogProbs, ids.Count));
        AboveZero(nameof(options.OwnerWeight), options.OwnerWeight, MaxOwnerWeight);
    }

    /// <inheritdoc cref="Check(GenerateOptions, TokenIds)"/>
    public static void Check(EmbedOptions options)
    {
        if (!Enum.IsDefined(options.Pooling)) throw new InvalidRequestException($"{nameof(options.Pooling)} is {options.Pooling}; it must be {EmbeddingPooling.Mean} or {EmbeddingPooling.Last}.");
        AboveZero(nameof(options.OwnerWeight), options.OwnerWeight, MaxOwnerWeight);
    }

    private static void CheckStops(IReadOnlyList<string>? stops)
    {
        if (stops is null) throw new InvalidRequestException($"{nameof(GenerateOptions.Stop)} is null; for none, leave it empty.");
        if (stops.Count > MaxStops) throw new InvalidRequestException($"{nameof(GenerateOptions.Stop)} has {stops.Count} texts; it may have at most {MaxStops}.");
        for (int i = 0; i < stops.Count; i++)
        {
            int characters = stops[i]?.Length ?? 0;
            if (characters is 0 or > MaxStopCharacters)
                throw new InvalidRequestException($"{nameof(GenerateOptions.Stop)}[{i}] has {characters} characters; it must have 1 to {MaxStopCharacters}.");
        }
    }

    private static void Whole(string field, int value, int from, int to)
    {
        if (value >= from && value <= to) return;
        throw new InvalidRequestException($"{field} is {value}; it must be {(to == int.MaxValue ? $"{from} or more" : $"{from} to {to}")}.");
    }

    // The comparisons are false for NaN, which is so refused.
    private static void Real(string field, float value, float from, float to)
    {
        if (!(value >= from && value <= to)) throw new InvalidRequestException($"{field} is {value}; it must be {from} to {to}.");
    }

    private static void AboveZero(string field, float value, float to)
    {
        if (!(value > 0 && value <= to)) throw new InvalidRequestException($"{field} is {value}; it must be above 0 and at most {to}.");
    }

    private static void Token(string field, int token, TokenIds ids)
    {
        if (ids.Refusal(token) is string why) throw new InvalidRequestException($"{field} is {token}, {why}.");
    }
}
