namespace Coppice;

/// <summary>Exact ways to read the cached history in a step. All of them give the same bits.</summary>
public enum AttentionMode
{
    /// <summary><see cref="Tree"/>, but nodes too small to pay for sharing are read per row.</summary>
    Auto,

    /// <summary>Every node of the prefix tree is read once for all the rows below it (Hydragen, arXiv 2402.05099).</summary>
    Tree,

    /// <summary>One context shared by a group of rows, then each row's own pages (arXiv 2403.08845).</summary>
    Bifurcated,

    /// <summary>Each row reads its whole history: the baseline.</summary>
    PerSequence,
}

/// <summary>How keys and values are kept.</summary>
public enum KvFormat
{
    /// <summary>32-bit floats.</summary>
    F32,

    /// <summary>bfloat16: half the memory and bandwidth, 8 bits of precision.</summary>
    BF16,
}

/// <summary>Where threads run.</summary>
public enum ThreadPlacement
{
    /// <summary>Where the system puts them.</summary>
    Free,

    /// <summary>Each on a core of its own. Linux and Windows. For machines that do nothing else: on a busy core a pinned thread waits.</summary>
    Pinned,
}

/// <summary>How the weights of linear layers are kept and multiplied. Sums are 32-bit floats in every one of them.</summary>
public enum WeightFormat
{
    /// <summary>As the file keeps them, multiplied in 32-bit arithmetic: nothing is rounded.</summary>
    Native,

    /// <summary>32-bit floats.</summary>
    F32,

    /// <summary>bfloat16, and activations rounded to bfloat16 before each product: the bfloat16 arithmetic of the processor, where it has any.</summary>
    BF16,

    /// <summary>Signed bytes in blocks of 32 with a scale, and activations rounded likewise: a quarter of the memory, integer arithmetic.</summary>
    Q8_0,
}

/// <summary>What an engine may use and how it computes.</summary>
public sealed record EngineOptions
{
    /// <summary>How the cached history is read.</summary>
    public AttentionMode Attention { get; init; } = AttentionMode.Auto;

    /// <summary>How the weights of linear layers are kept and multiplied.</summary>
    public WeightFormat Weights { get; init; } = WeightFormat.Native;

    /// <summary>How keys and values are kept.</summary>
    public KvFormat Kv { get; init; } = KvFormat.F32;

    /// <summary>Bytes for keys and values. Never exceeded. Null: a quarter of the machine's memory, and no more than <see cref="MaxBatch"/> full contexts need.</summary>
    public long? KvBytes { get; init; }

    /// <summary>Worker threads. Null: one per core that the process may use.</summary>
    public int? Threads { get; init; }

    /// <summary>Whether the worker threads keep to a core each.</summary>
    public ThreadPlacement Placement { get; init; }

    /// <summary>Most sequences decoded together.</summary>
    public int MaxBatch { get; init; } = 256;

    /// <summary>Most prompt tokens computed in one step, so that long prompts do not hold up running samples.</summary>
    public int PrefillChunk { get; init; } = 512;

    /// <summary>
    /// Longest sequence, prompt and answer together. Null: what the model was made for. A model whose RoPE depends on the length (dynamic NTK,
    /// LongRoPE) computes every sequence as one of this length.
    /// </summary>
    public int? MaxContextTokens { get; init; }
}
