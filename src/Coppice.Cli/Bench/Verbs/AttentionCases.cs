using Coppice.Cli.Bench.Scenes;

namespace Coppice.Cli.Bench.Verbs;

/// <summary>What one case of the attention verb computes.</summary>
internal readonly record struct AttentionCase(int B, int P, int S, Heads Heads, KvFormat Kv)
{
    public string Name => $"B={B} P={P} S={S} H={Heads.H}/{Heads.Hkv} D={Heads.D} {(Kv == KvFormat.F32 ? "f32" : "bf16")}";
}

/// <summary>Grids that papers have published.</summary>
internal static class AttentionPresets
{
    // What plots the preset, and what it measures.
    private static readonly (string Name, string Title, string X, AttentionCase[] Cases)[] All =
    [
        // arXiv 2402.05099, figure 4: a 34B model's heads over 8 devices, on a GPU with suffixes of 0 to 512. Its larger pairs come with --rows and --prefix.
        ("hydragen", "Hydragen's micro-benchmark", "S", Grid([(256, 512), (512, 1_024), (1_024, 2_048)], [1, 64, 256], new Heads(8, 1, 128), KvFormat.BF16)),

        // arXiv 2403.08845: samples by context of a 7B model with as many KV heads as heads.
        ("bifurcated", "Samples of one context, as in Bifurcated Attention", "B", Grid([(1, 8_192), (2, 8_192), (4, 8_192), (8, 8_192), (16, 8_192), (32, 8_192)], [64], new Heads(32, 32, 128), KvFormat.BF16)),

        // NVIDIA/TensorRT-LLM pull request 14396: 128 beams, 3 tokens each; the number of heads is not given there.
        ("cascade", "128 rows with 3 tokens of their own, as in a GPU's cascade table", "P", Grid([(128, 128), (128, 256), (128, 512), (128, 1_024), (128, 2_048), (128, 4_096)], [3], new Heads(32, 8, 128), KvFormat.BF16)),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(preset => preset.Name)];

    public static AttentionCase[] Cases(string preset) => All.First(known => known.Name == preset).Cases;

    /// <summary>The heading of a preset's plot, and the size along its x axis.</summary>
    public static (string Title, string X) Plot(string? preset) =>
        preset is null ? ("Attention over a shared prefix", "P") : All.Where(known => known.Name == preset).Select(known => (known.Title, known.X)).First();

    private static AttentionCase[] Grid((int B, int P)[] pairs, int[] suffixes, Heads heads, KvFormat kv) =>
        [.. from pair in pairs from suffix in suffixes select new AttentionCase(pair.B, pair.P, suffix, heads, kv)];
}
