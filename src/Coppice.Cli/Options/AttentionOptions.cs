using System.CommandLine;

namespace Coppice.Cli.Options;

/// <summary>The options that say how the cached history is read.</summary>
internal sealed class AttentionOptions
{
    private static readonly (string Text, AttentionMode Value)[] s_modes =
    [
        ("auto", AttentionMode.Auto), ("tree", AttentionMode.Tree), ("bifurcated", AttentionMode.Bifurcated), ("per-sequence", AttentionMode.PerSequence),
        ("sparq", AttentionMode.Sparq), ("sparq-group", AttentionMode.SparqGroup), ("lm-infinite", AttentionMode.LmInfinite), ("h2o", AttentionMode.H2O), ("top-k", AttentionMode.TopK),
    ];

    private readonly Option<AttentionMode?> _mode = Checked.Choice("--attention",
        "How the cached history is read. auto, tree, bifurcated and per-sequence give the same bits; sparq reads part of it and is approximate; sparq-group chooses once for all rows that share a beginning, and their answers depend on each other. So are lm-infinite, h2o and top-k: to compare with. Default: auto", s_modes);

    private readonly Option<double?> _compression = Checked.Number("--sparq-compression", 2, 256, "sparq, sparq-group: read about so many times less; picks r and k by head size and length. Default: 4");
    private readonly Option<int?> _r = Checked.Whole("--sparq-r", "count", 1, 1024, "sparq, sparq-group: query components of the approximate scores, instead of a compression. Default: a quarter of the head size");
    private readonly Option<int?> _k = Checked.Whole("--sparq-k", "count", 1, int.MaxValue, "sparq, sparq-group: positions attended to, instead of a compression. Default: 128");
    private readonly Option<int?> _local = Checked.Whole("--sparq-local", "count", 0, int.MaxValue, "sparq: of these, the last ones, always attended to. Groups read whole what comes behind what they share. Default: a quarter");
    private readonly Option<SparqMeanValue?> _meanValue = Checked.Choice("--sparq-mean-value", "sparq: the mean of all values stands for positions left out, but not in groups. auto: off for models with grouped queries. Default: auto",
        ("on", SparqMeanValue.On), ("off", SparqMeanValue.Off), ("auto", SparqMeanValue.Auto));

    private readonly Option<int?> _keep = Checked.Whole("--keep", "count", 1, int.MaxValue, "lm-infinite, h2o, top-k: positions attended to. Default: 256");

    public IReadOnlyList<Option> All => [_mode, _compression, _r, _k, _local, _meanValue, _keep];

    /// <exception cref="UsageException">An option of another mode.</exception>
    public EngineOptions Apply(ParseResult parsed, EngineOptions options)
    {
        AttentionMode mode = parsed.GetValue(_mode) ?? options.Attention;
        Option[] ofSparq = [_compression, _r, _k, _local, _meanValue];
        bool isSparq = mode is AttentionMode.Sparq or AttentionMode.SparqGroup;
        if (!isSparq && ofSparq.FirstOrDefault(option => parsed.GetResult(option) is not null) is { } stray)
            throw new UsageException($"{stray.Name} goes with --attention sparq or sparq-group, and it is {Name(mode)}. Leave it out.");
        if (parsed.GetValue(_compression) is not null && ofSparq[1..3].FirstOrDefault(option => parsed.GetResult(option) is not null) is { } second)
            throw new UsageException($"--sparq-compression picks what {second.Name} says. Give one of them.");
        if (parsed.GetValue(_local) is int local && parsed.GetValue(_k) is int k && local > k)
            throw new UsageException($"--sparq-local is {local} and --sparq-k {k}: the local positions are part of them. Give no more than {k}.");
        if (parsed.GetValue(_keep) is not null && mode is not (AttentionMode.LmInfinite or AttentionMode.H2O or AttentionMode.TopK))
            throw new UsageException($"--keep goes with --attention lm-infinite, h2o or top-k, and it is {Name(mode)}. Leave it out.");
        return options with
        {
            Attention = mode,
            Keep = parsed.GetValue(_keep),
            Sparq = !isSparq ? null : new SparqOptions
            {
                Compression = parsed.GetValue(_compression),
                R = parsed.GetValue(_r),
                K = parsed.GetValue(_k),
                Local = parsed.GetValue(_local),
                MeanValue = parsed.GetValue(_meanValue) ?? SparqMeanValue.Auto,
            },
        };
    }

    private static string Name(AttentionMode mode) => s_modes.First(known => known.Value == mode).Text;
}
