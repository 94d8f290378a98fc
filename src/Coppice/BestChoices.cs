namespace Coppice;

/// <summary>Which samples of a request are returned where it makes more than it returns.</summary>
internal static class BestChoices
{
    /// <summary>The N with the highest mean log probability per token, best first and numbered so; among equals the earlier sample.</summary>
    public static IReadOnlyList<GenerateChoice> Of(IEnumerable<GenerateChoice> samples, GenerateOptions options) =>
    [
        .. samples
            .OrderByDescending(sample => sample.LogProbs!.Sum(token => (double)token.LogProb) / sample.LogProbs!.Count)
            .Take(options.N)
            .Select((sample, index) => sample with { Index = index, LogProbs = options.LogProbs is null ? null : sample.LogProbs }),
    ];
}
