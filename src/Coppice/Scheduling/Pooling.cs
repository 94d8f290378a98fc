namespace Coppice.Scheduling;

/// <summary>
/// What an embedding request has seen of the hidden states after the last norm. The engine's thread writes; the caller reads when the request has ended.
/// Rows come in the order of their positions, each once, whatever chunks and pauses: so sums have the same bits.
/// </summary>
/// <param name="tokens">Of the text.</param>
/// <param name="hidden">Values of a state.</param>
/// <param name="kind">What is taken of them.</param>
internal sealed class Pooling(int tokens, int hidden, EmbeddingPooling kind)
{
    private readonly double[] _sum = new double[hidden];
    private int _count;

    /// <summary>The first position whose state is still wanted.</summary>
    public int RowsFrom => (kind == EmbeddingPooling.Last ? tokens - 1 : 0) + _count;

    /// <param name="row">[E]: the state at position <see cref="RowsFrom"/>.</param>
    public void Add(ReadOnlySpan<float> row)
    {
        for (int i = 0; i < row.Length; i++) _sum[i] += row[i];
        _count++;
    }

    /// <summary>The pooled state at length 1: the mean has the sum's direction.</summary>
    /// <exception cref="LogitsException">The model gave values that are no numbers, or only zeros.</exception>
    public float[] Normalised()
    {
        double squares = 0;
        foreach (double value in _sum) squares += value * value;
        double length = Math.Sqrt(squares);
        if (!(length > 0 && double.IsFinite(length))) throw new LogitsException($"The model's hidden states have the length {length}, so they make no embedding: its weights hold values that are not numbers, or are broken.");
        return Array.ConvertAll(_sum, value => (float)(value / length));
    }
}
