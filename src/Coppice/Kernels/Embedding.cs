using Coppice.Loading;

namespace Coppice.Kernels;

/// <summary>x[r] = table[tokens[r]].  tokens: [M], table: [V, E], x: [M, E], rows may lie further apart. Any weight format; exact.</summary>
internal static class Embedding
{
    public static void Run(WeightTensor table, ReadOnlySpan<int> tokens, Span<float> x, int xRowFloats)
    {
        long vocabulary = table.Shape[0];
        int width = checked((int)table.Shape[1]);
        Shape.Holds(x.Length, tokens.Length, xRowFloats, width);
        for (int r = 0; r < tokens.Length; r++)
        {
            if ((uint)tokens[r] >= vocabulary)
                throw new ArgumentOutOfRangeException(nameof(tokens), tokens[r], $"Token {r} must be below the vocabulary's {vocabulary}.");
            table.ReadRow(tokens[r], x.Slice(r * xRowFloats, width));
        }
    }
}
