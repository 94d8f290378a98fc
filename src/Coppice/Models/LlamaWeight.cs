namespace Coppice.Models;

/// <summary>The weights of the Llama family. [outputs, inputs] for matrices, [E] for norms.</summary>
internal enum LlamaWeight
{
    /// <summary>[V, E]</summary>
    Embedding,

    /// <summary>[E]</summary>
    OutputNorm,

    /// <summary>[V, E]; the embedding's where they are tied.</summary>
    Output,

    /// <summary>[E], per layer like all that follow.</summary>
    AttentionNorm,

    /// <summary>[H·D, E]</summary>
    Query,

    /// <summary>[Hkv·D, E]</summary>
    Key,

    /// <summary>[Hkv·D, E]</summary>
    Value,

    /// <summary>[E, H·D]</summary>
    AttentionOutput,

    /// <summary>[E]</summary>
    FeedForwardNorm,

    /// <summary>[F, E]</summary>
    Gate,

    /// <summary>[F, E]</summary>
    Up,

    /// <summary>[E, F]</summary>
    Down,
}
