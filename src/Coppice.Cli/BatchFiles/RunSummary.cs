using System.Globalization;
using Coppice.Cli.Options;

namespace Coppice.Cli.BatchFiles;

/// <summary>What a run did and what sharing saved, as rows of label and value.</summary>
internal static class RunSummary
{
    public static List<(string Label, string Value)> Rows(RunTally tally, EngineMetrics metrics, TimeSpan elapsed)
    {
        List<(string, string)> rows =
        [
            ("requests", Join($"{Count(tally.Done - tally.Failed)} ok", $"{Count(tally.Failed)} failed",
                tally.Done < tally.Total ? $"{Count(tally.Total - tally.Done)} left" : "", tally.Resumed > 0 ? $"{Count(tally.Resumed)} of them from an earlier run" : "")),
        ];
        if (tally.Judged > 0) rows.Add(("answers right", $"{Count(tally.Right)} of {Count(tally.Judged)} ({Percent(tally.Right, tally.Judged)})"));
        if (metrics.PromptTokens > 0)
        {
            rows.Add(("prompt tokens", Join(Count(metrics.PromptTokens), $"{Count(metrics.ComputedPromptTokens)} computed ({Percent(metrics.ComputedPromptTokens, metrics.PromptTokens)})",
                $"{Count(metrics.CachedPromptTokens)} from cache", $"{Count(metrics.SharedPromptTokens)} shared with running requests")));
        }
        if (metrics.GeneratedTokens > 0)
        {
            rows.Add(("generated tokens", Join(Count(metrics.GeneratedTokens), $"{Rate(metrics.GeneratedTokens, elapsed.TotalSeconds)} tokens/s", $"{Count(metrics.Steps)} steps")));
        }
        if (metrics.KvBytesRead > 0)
        {
            rows.Add(("keys and values read", $"{ByteSize.Format(metrics.KvBytesRead)} instead of {ByteSize.Format(metrics.KvBytesReadPerSequence)} per sequence ({Ratio(metrics.KvBytesReadPerSequence, metrics.KvBytesRead)})"));
        }
        if (metrics.SparseDecodeRows > 0)
        {
            rows.Add(("approximate attention", Join($"{Count(metrics.SparseDecodeRows)} of {Count(metrics.SparseDecodeRows + metrics.ExactDecodeRows)} decoded rows",
                $"{ByteSize.Format(metrics.SparseBytesRead)} fetched instead of {ByteSize.Format(metrics.SparseBytesExact)} ({Ratio(metrics.SparseBytesExact, metrics.SparseBytesRead)})",
                metrics.ExactDecodeRows > 0 ? "the others were too short for it to pay" : "")));
        }
        if (metrics.PeakKvBytes > 0)
        {
            rows.Add(("peak KV memory", Join($"{ByteSize.Format(metrics.PeakKvBytes)} instead of {ByteSize.Format(metrics.PeakKvBytesUnshared)} unshared ({Ratio(metrics.PeakKvBytesUnshared, metrics.PeakKvBytes)})",
                $"limit {ByteSize.Format(metrics.KvBytesLimit)}")));
        }
        rows.Add(("time", Duration(elapsed)));
        return rows;
    }

    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Ratio(double more, double less) => less > 0 ? $"{(more / less).ToString("0.0", CultureInfo.InvariantCulture)}x less" : "-";

    public static string Percent(double part, double whole) => whole > 0 ? $"{(100 * part / whole).ToString("0", CultureInfo.InvariantCulture)}%" : "-";

    public static string Rate(long tokens, double seconds) => seconds > 0 ? (tokens / seconds).ToString(tokens / seconds < 10 ? "0.0" : "N0", CultureInfo.InvariantCulture) : "-";

    public static string Duration(TimeSpan time) => time.TotalSeconds < 100
        ? $"{time.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s"
        : time.TotalHours < 1 ? $"{time.Minutes} min {time.Seconds} s" : $"{(int)time.TotalHours} h {time.Minutes} min";

    private static string Join(params IEnumerable<string> parts) => string.Join(", ", parts.Where(part => part.Length > 0));
}
