using System.Globalization;

namespace Coppice.Cli.Eval.Sweeps;

/// <summary>A way to read less, with what it is to keep where it should read so many times less.</summary>
/// <param name="Name">In files.</param>
/// <param name="Label">In the plot.</param>
/// <param name="Under">The engine's options, by head size, positions and how many times less is to be read.</param>
internal sealed record SweepMethod(string Name, string Label, Func<EngineOptions, int, int, int, EngineOptions> Under)
{
    /// <summary>
    /// SparQ reads r of a key's D components at all S positions and k keys and values: with r = D / c and k = S / 2c a c-th of all. The
    /// others keep S / c positions, whose keys and values are a c-th of all; to choose them, top-k reads all keys besides.
    /// </summary>
    public static IReadOnlyList<SweepMethod> All { get; } =
    [
        Sparq("sparq", "SparQ", SparqMeanValue.Off),
        Sparq("sparq-mean-value", "SparQ, mean value", SparqMeanValue.On),
        Keeping("lm-infinite", "LM-Infinite", AttentionMode.LmInfinite),
        Keeping("h2o", "H2O", AttentionMode.H2O),
        Keeping("top-k", "top-k, exact scores", AttentionMode.TopK),
    ];

    private static SweepMethod Sparq(string name, string label, SparqMeanValue meanValue) => new(name, label, (options, headSize, positions, times) => options with
    {
        Attention = AttentionMode.Sparq,
        Sparq = new SparqOptions { R = Math.Max(1, headSize / times), K = Math.Max(1, positions / (2 * times)), MeanValue = meanValue },
    });

    private static SweepMethod Keeping(string name, string label, AttentionMode mode) =>
        new(name, label, (options, _, positions, times) => options with { Attention = mode, Keep = Math.Max(1, positions / times) });
}

/// <summary>A method with what it keeps; or exact attention, without a method.</summary>
/// <param name="Method">Null: exact.</param>
/// <param name="Times">How many times less it is to read: 1 for exact attention.</param>
/// <param name="Options">The engine's.</param>
internal sealed record SweepSetting(SweepMethod? Method, int Times, EngineOptions Options)
{
    public string MethodName => Method?.Name ?? "exact";

    public string Name => Method is null ? MethodName : string.Create(CultureInfo.InvariantCulture, $"{MethodName} {Times}");

    /// <summary>Exact attention first.</summary>
    public static IReadOnlyList<SweepSetting> Of(IEnumerable<SweepMethod> methods, IReadOnlyList<int> times, EngineOptions options, int headSize, int positions) =>
        [new(null, 1, options), .. methods.SelectMany(method => times.Select(c => new SweepSetting(method, c, method.Under(options, headSize, positions, c))))];
}
