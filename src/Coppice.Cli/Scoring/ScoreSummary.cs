using Coppice.Cli.BatchFiles;

namespace Coppice.Cli.Scoring;

/// <summary>What a run scored and what sharing saved, as rows of label and value.</summary>
internal static class ScoreSummary
{
    public static string Of(ScoreCheck check) =>
        $"{RunSummary.Count(check.Lines)} lines with {RunSummary.Count(check.Continuations)} continuations, {RunSummary.Count(check.Tokens)} tokens computed; {RunSummary.Count(check.LogProbs)} log probabilities compared bit by bit, {RunSummary.Count(check.Different.Count)} lines differ";

    public static List<(string Label, string Value)> Rows(RunTally tally, ScoreTally right, EngineMetrics metrics, TimeSpan elapsed)
    {
        List<(string, string)> rows = [];
        if (right.Judged > 0)
            rows.Add(("answers right", string.Join(", ", right.Right.Select(one => $"by {one.Ranking} {RunSummary.Count(one.Right)} ({RunSummary.Percent(one.Right, right.Judged)})")) + $" of {RunSummary.Count(right.Judged)}"));
        if (metrics.PromptTokens > 0)
        {
            long found = metrics.CachedPromptTokens + metrics.SharedPromptTokens;
            rows.Add(("tokens", $"{RunSummary.Count(metrics.PromptTokens)} given, {RunSummary.Count(metrics.ComputedPromptTokens)} computed, {RunSummary.Count(found)} saved by sharing ({RunSummary.Percent(found, metrics.PromptTokens)}, {RunSummary.Ratio(metrics.PromptTokens, metrics.ComputedPromptTokens)})"));
            rows.Add(("tokens scored", RunSummary.Count(metrics.ScoredTokens)));
        }
        // The rest is what every run has: lines first, memory and time at the end.
        List<(string Label, string Value)> common = RunSummary.Rows(tally, metrics, elapsed);
        rows.Insert(0, ("lines", common[0].Value));
        rows.AddRange(common.Where(row => row.Label is "keys and values read" or "peak KV memory" or "time"));
        return rows;
    }
}
