namespace Coppice.Tests.Models;

/// <summary>
/// A small random model as its architecture's description has it, without a word about files: sizes, choices, and plain tensors under short names.
/// Matrices are [outputs, inputs].
/// </summary>
internal sealed class TinyModel
{
    private readonly Random _random;
    private readonly Dictionary<string, (float[] Data, long[] Shape)> _tensors = [];

    public TinyModel(int seed) => _random = new Random(seed);

    public int Layers { get; init; } = 2;

    public int E { get; init; } = 32;

    public int F { get; init; } = 40;

    public int H { get; init; } = 4;

    public int Hkv { get; init; } = 2;

    public int D { get; init; } = 8;

    public int V { get; init; } = 64;

    public int Context { get; init; } = 256;

    public double Epsilon { get; init; } = 1e-5;

    public bool LayerNorm { get; init; }

    /// <summary>Norms multiply by 1 + w.</summary>
    public bool NormOffset { get; init; }

    public bool PostNorms { get; init; }

    public bool Parallel { get; init; }

    public bool QkvBias { get; init; }

    public bool OutputBias { get; init; }

    public bool MlpBias { get; init; }

    public bool QueryKeyNorms { get; init; }

    public bool Gated { get; init; } = true;

    public Func<double, double> Activation { get; init; } = x => x / (1 + Math.Exp(-x));

    public double EmbeddingScale { get; init; } = 1;

    public double? AttentionScale { get; init; }

    public double AttentionCap { get; init; }

    public double LogitCap { get; init; }

    /// <summary>Positions that a row of a layer sees; 0: all.</summary>
    public Func<int, int> Window { get; init; } = _ => 0;

    public int Experts { get; init; }

    public int ExpertsPerToken { get; init; }

    public bool NormalizedExperts { get; init; } = true;

    public bool Tied { get; init; }

    /// <summary>R.</summary>
    public int RopeDimensions { get; init; } = 8;

    public double RopeBase { get; init; } = 10_000;

    /// <summary>Angle per position of each pair by layer, [R/2].</summary>
    public Func<int, double[]>? Angles { get; init; }

    public double RopeMagnitude { get; init; } = 1;

    public double[] PlainAngles(double ropeBase) => [.. Enumerable.Range(0, RopeDimensions / 2).Select(i => Math.Pow(ropeBase, -2.0 * i / RopeDimensions))];

    public IReadOnlyDictionary<string, (float[] Data, long[] Shape)> Tensors
    {
        get
        {
            if (_tensors.Count == 0) Fill();
            return _tensors;
        }
    }

    private void Fill()
    {
        Matrix("embed", V, E, 1);
        Norm("norm", E);
        if (!Tied) Matrix("head", V, E, 2);
        for (int i = 0; i < Layers; i++)
        {
            Norm($"{i}.attention norm", E);
            // Large enough that attention has favourites: what is wrong with an angle or a scale must show.
            Matrix($"{i}.q", H * D, E, 2.5f);
            Matrix($"{i}.k", Hkv * D, E, 2.5f);
            Matrix($"{i}.v", Hkv * D, E, 1.5f);
            if (QkvBias) foreach ((string name, int n) in ((string, int)[])[("q", H * D), ("k", Hkv * D), ("v", Hkv * D)]) Vector($"{i}.{name} bias", n, 0.5f, 0);
            if (QueryKeyNorms) foreach (string name in (string[])["q norm", "k norm"]) Vector($"{i}.{name}", D, 0.4f, NormOffset ? 0.3f : 1.3f);
            Matrix($"{i}.o", E, H * D, 1.5f);
            if (OutputBias) Vector($"{i}.o bias", E, 0.3f, 0);
            if (PostNorms) Norm($"{i}.attention post norm", E);
            Norm($"{i}.ffn norm", E);
            if (Experts > 0) Matrix($"{i}.router", Experts, E, 2);
            for (int x = 0; x < Math.Max(1, Experts); x++)
            {
                if (Gated) Matrix($"{i}.gate.{x}", F, E, 1.5f);
                Matrix($"{i}.up.{x}", F, E, 1.5f);
                Matrix($"{i}.down.{x}", E, F, 1.5f);
            }
            if (MlpBias && Gated) Vector($"{i}.gate bias", F, 0.3f, 0);
            if (MlpBias) Vector($"{i}.up bias", F, 0.3f, 0);
            if (MlpBias) Vector($"{i}.down bias", E, 0.3f, 0);
            if (PostNorms) Norm($"{i}.ffn post norm", E);
        }
    }

    private void Norm(string name, int n)
    {
        Vector(name, n, 0.4f, NormOffset ? 0 : 1);
        if (LayerNorm) Vector($"{name} bias", n, 0.3f, 0);
    }

    private void Matrix(string name, int rows, int columns, float scale) => Add(name, (float)(scale * Math.Sqrt(3.0 / columns)), 0, rows, columns);

    private void Vector(string name, int n, float scale, float middle) => Add(name, scale, middle, n);

    private void Add(string name, float scale, float middle, params long[] shape)
    {
        float[] data = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < data.Length; i++) data[i] = middle + scale * (float)(_random.NextDouble() * 2 - 1);
        _tensors.Add(name, (data, shape));
    }
}
