namespace Coppice.Models;

/// <summary>What a weight is for. [outputs, inputs] for matrices, [n] for norms and biases; which of them a model has follows from its config.</summary>
internal enum WeightRole
{
    /// <summary>[V, E]</summary>
    Embedding,

    /// <summary>[E]</summary>
    OutputNorm,

    /// <summary>[E]</summary>
    OutputNormBias,

    /// <summary>[V, E]; the embedding's where they are tied.</summary>
    Output,

    /// <summary>[E], per layer like all that follow.</summary>
    AttentionNorm,

    /// <summary>[E]</summary>
    AttentionNormBias,

    /// <summary>[H·D, E]</summary>
    Query,

    /// <summary>[Hkv·D, E]</summary>
    Key,

    /// <summary>[Hkv·D, E]</summary>
    Value,

    /// <summary>[H·D]</summary>
    QueryBias,

    /// <summary>[Hkv·D]</summary>
    KeyBias,

    /// <summary>[Hkv·D]</summary>
    ValueBias,

    /// <summary>[D]</summary>
    QueryNorm,

    /// <summary>[D]</summary>
    KeyNorm,

    /// <summary>[E, H·D]</summary>
    AttentionOutput,

    /// <summary>[E]</summary>
    AttentionOutputBias,

    /// <summary>[E]: of attention's output, before it is added.</summary>
    AttentionPostNorm,

    /// <summary>[E]</summary>
    FeedForwardNorm,

    /// <summary>[E]</summary>
    FeedForwardNormBias,

    /// <summary>[X, E]: X experts.</summary>
    Router,

    /// <summary>[F, E], per expert where there are some, like <see cref="Up"/> and <see cref="Down"/>.</summary>
    Gate,

    /// <summary>[F, E]</summary>
    Up,

    /// <summary>[E, F]</summary>
    Down,

    /// <summary>[F]</summary>
    GateBias,

    /// <summary>[F]</summary>
    UpBias,

    /// <summary>[E]</summary>
    DownBias,

    /// <summary>[E]: of the feed-forward layer's output, before it is added.</summary>
    FeedForwardPostNorm,
}

/// <summary>One weight of a model. Layer and expert are 0 where they do not count.</summary>
internal readonly record struct WeightKey(WeightRole Role, int Layer = 0, int Expert = 0);

/// <summary>Which weights a model has, and their shapes.</summary>
internal static class WeightRoles
{
    /// <summary>All weights of a model, the tied output layer too.</summary>
    public static IEnumerable<WeightKey> Of(ModelConfig c)
    {
        foreach (WeightRole role in Enum.GetValues<WeightRole>())
        {
            if (!Has(role, c)) continue;
            int layers = role < WeightRole.AttentionNorm ? 1 : c.Layers, experts = role is WeightRole.Gate or WeightRole.Up or WeightRole.Down ? c.Experts?.Count ?? 1 : 1;
            for (int layer = 0; layer < layers; layer++)
                for (int expert = 0; expert < experts; expert++) yield return new WeightKey(role, layer, expert);
        }
    }

    /// <summary>Outermost first.</summary>
    public static long[] Shape(WeightRole role, ModelConfig c)
    {
        long e = c.HiddenSize, f = c.FeedForwardSize, queries = (long)c.Heads * c.HeadSize, keys = (long)c.KvHeads * c.HeadSize;
        return role switch
        {
            WeightRole.Embedding or WeightRole.Output => [c.VocabularySize, e],
            WeightRole.Query => [queries, e],
            WeightRole.Key or WeightRole.Value => [keys, e],
            WeightRole.QueryBias => [queries],
            WeightRole.KeyBias or WeightRole.ValueBias => [keys],
            WeightRole.QueryNorm or WeightRole.KeyNorm => [c.HeadSize],
            WeightRole.AttentionOutput => [e, queries],
            WeightRole.Router => [c.Experts!.Count, e],
            WeightRole.Gate or WeightRole.Up => [f, e],
            WeightRole.Down => [e, f],
            WeightRole.GateBias or WeightRole.UpBias => [f],
            _ => [e],
        };
    }

    private static bool Has(WeightRole role, ModelConfig c) => role switch
    {
        WeightRole.OutputNormBias or WeightRole.AttentionNormBias or WeightRole.FeedForwardNormBias => c.Norm == NormKind.Layer,
        WeightRole.QueryBias or WeightRole.KeyBias or WeightRole.ValueBias => c.QkvBias,
        WeightRole.QueryNorm or WeightRole.KeyNorm => c.QueryKeyNorms,
        WeightRole.AttentionOutputBias => c.AttentionOutputBias,
        WeightRole.AttentionPostNorm or WeightRole.FeedForwardPostNorm => c.PostNorms,
        WeightRole.Router => c.Experts is not null,
        WeightRole.Gate => c.GatedFeedForward,
        WeightRole.GateBias => c.GatedFeedForward && c.FeedForwardBias,
        WeightRole.UpBias or WeightRole.DownBias => c.FeedForwardBias,
        _ => true,
    };
}
