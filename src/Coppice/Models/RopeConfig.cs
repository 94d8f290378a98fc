namespace Coppice.Models;

/// <summary>Which elements of a head RoPE turns together (Su et al. 2021). R: elements that turn.</summary>
public enum RopePairing
{
    /// <summary>(i, i + R/2): Hugging Face checkpoints, and GGUF checkpoints of most families.</summary>
    Halves,

    /// <summary>(2i, 2i + 1): GGUF checkpoints of the Llama architecture.</summary>
    Interleaved,
}

/// <summary>How RoPE is stretched beyond the context that a model was first trained for.</summary>
public enum RopeScalingKind
{
    /// <summary>Every angle is divided by the factor (arXiv 2306.15595).</summary>
    Linear,

    /// <summary>
    /// The base grows with the context. The context is the engine's configured one for every sequence, whatever its length: a key's angle
    /// is computed once, and a shared key must have one angle for all who share it.
    /// </summary>
    Dynamic,

    /// <summary>Slow pairs as in linear, fast ones untouched, a ramp between (arXiv 2309.00071).</summary>
    Yarn,

    /// <summary>As YaRN, with the ramp over wavelengths (Llama 3.1).</summary>
    Llama3,

    /// <summary>
    /// A divisor for every pair (arXiv 2402.13753): the long ones if the engine's configured context is beyond the original, else the
    /// short ones, for every sequence, as in <see cref="Dynamic"/>.
    /// </summary>
    LongRope,

    /// <summary>A divisor for every pair, from the file (GGUF's rope_freqs.weight: how it keeps <see cref="Llama3"/>).</summary>
    Divisors,
}

/// <summary>The numbers of a scaling; those that its kind does not use keep their defaults.</summary>
public sealed record RopeScaling
{
    /// <summary>The kind.</summary>
    public required RopeScalingKind Kind { get; init; }

    /// <summary>How much longer the context gets.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Context before the stretch, in tokens.</summary>
    public int OriginalContextTokens { get; init; }

    /// <summary>Multiplies cosines and sines, and so twice the scores (YaRN, LongRope).</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>YaRN: pairs that turn more often than this over the original context stay as they are.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>YaRN: pairs that turn less often than this are interpolated in full.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>YaRN: the ramp begins and ends at whole pairs.</summary>
    public bool WholePairs { get; init; } = true;

    /// <summary>Llama3: wavelengths above the original context over this are interpolated in full.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>Llama3: wavelengths below the original context over this stay as they are.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>Divisors of the pairs, [R/2]: LongRope's for the original context.</summary>
    public IReadOnlyList<float>? ShortDivisors { get; init; }

    /// <summary>Divisors of the pairs, [R/2]: LongRope's for a longer context, and those of <see cref="RopeScalingKind.Divisors"/>.</summary>
    public IReadOnlyList<float>? LongDivisors { get; init; }
}

/// <summary>RoPE: pair i of a head turns by base^(-2i/R) per position (Su et al. 2021), before scaling.</summary>
public sealed record RopeConfig
{
    /// <summary>Base frequency.</summary>
    public required float Base { get; init; }

    /// <summary>R: elements of a head that turn, the first ones; the others stay.</summary>
    public required int Dimensions { get; init; }

    /// <summary>Which of them turn together.</summary>
    public required RopePairing Pairing { get; init; }

    /// <summary>Null: none.</summary>
    public RopeScaling? Scaling { get; init; }
}
