namespace Coppice;

/// <summary>
/// Ways to read the cached history in a step. The exact ones, up to <see cref="PerSequence"/>, give the same bits. The others
/// compute prompts exactly and approximate from the first generated token on, or from <see cref="GenerateOptions.DecodeFrom"/>; what they
/// give does not depend on the batch, on what is cached, on pauses or on threads either.
/// </summary>
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

    /// <summary>SparQ (arXiv 2312.04985): approximate scores from the largest query components, exact attention to the best positions. See <see cref="SparqOptions"/>.</summary>
    Sparq,

    /// <summary>
    /// SparQ with one selection for all rows that share a beginning, so that what is chosen of it is read once for all of them; what a row
    /// has of its own is read whole. What a row gets depends on the rows that are decoded beside it: here, and only here, the same
    /// request may give other tokens in other company.
    /// </summary>
    SparqGroup,

    /// <summary>A baseline to judge approximations by: the first positions and the last ones (LM-Infinite, arXiv 2308.16137).</summary>
    LmInfinite,

    /// <summary>A baseline: positions that had little attention so far are dropped for good (H2O, arXiv 2306.14048). Prompts are not shared: each sequence computes its own.</summary>
    H2O,

    /// <summary>A baseline: all keys are read, values only of the positions with the highest scores (FlexGen, arXiv 2303.06865).</summary>
    TopK,
}

/// <summary>Whether SparQ gives the weight of the positions it leaves out to the mean value.</summary>
public enum SparqMeanValue
{
    /// <summary><see cref="On"/>, but off for models with grouped queries, which do better without.</summary>
    Auto,

    /// <summary>The mean of all values stands for the positions left out.</summary>
    On,

    /// <summary>The chosen positions have all the weight.</summary>
    Off,
}

/// <summary>
/// How much of the history SparQ reads. Either <see cref="Compression"/>, or <see cref="R"/> and <see cref="K"/>; with neither
/// the compression is 4. Rows so short that it would not halve what exact attention reads are attended exactly.
/// </summary>
public sealed record SparqOptions
{
    /// <summary>Query components that the approximate scores are made of, up to the head size. Null with <see cref="K"/>: a quarter of the head size.</summary>
    public int? R { get; init; }

    /// <summary>Positions attended to, the local ones included. Null with <see cref="R"/>: 128.</summary>
    public int? K { get; init; }

    /// <summary>Of these, the last positions, always attended to. Null: a quarter of them.</summary>
    public int? Local { get; init; }

    /// <summary>Whether the mean value stands for what is left out.</summary>
    public SparqMeanValue MeanValue { get; init; }

    /// <summary>Fetch about this many times less, 2 or more: r is the head size over it, k half the length over it, but at least 128.</summary>
    public double? Compression { get; init; }
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
    /// <summary>
    /// As the file keeps them. Floats of 16 and 32 bits are multiplied in 32-bit arithmetic, and nothing is rounded. Quantised weights
    /// (<see cref="Loading.WeightType.Q8_0"/> and all after it) stay at their few bits, and activations are rounded before each product to signed bytes,
    /// with a scale for each row and as many inputs as share a weight scale (16 or 32): an error of at most 1/254 of the largest of them.
    /// </summary>
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

    /// <summary>For <see cref="AttentionMode.Sparq"/> and <see cref="AttentionMode.SparqGroup"/> only. Groups do without the mean value and the local window: their rows read all that comes behind what they share.</summary>
    public SparqOptions? Sparq { get; init; }

    /// <summary>Positions that <see cref="AttentionMode.LmInfinite"/>, <see cref="AttentionMode.H2O"/> and <see cref="AttentionMode.TopK"/> look at. Null: 256.</summary>
    public int? Keep { get; init; }

    /// <summary>How the weights of linear layers are kept and multiplied. The router of a mixture of experts stays as its file has it.</summary>
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

    /// <summary>Most sequences decoded together that belong to one owner (<see cref="GenerateOptions.Owner"/>), so that others find a place at once. Null: <see cref="MaxBatch"/>.</summary>
    public int? MaxBatchPerOwner { get; init; }

    /// <summary>Most prompt tokens computed in one step, so that long prompts do not hold up running samples.</summary>
    public int PrefillChunk { get; init; } = 512;

    /// <summary>
    /// Longest sequence, prompt and answer together. Null: what the model was made for. A model whose RoPE depends on the length (dynamic NTK,
    /// LongRoPE) computes every sequence as one of this length.
    /// </summary>
    public int? MaxContextTokens { get; init; }
}
