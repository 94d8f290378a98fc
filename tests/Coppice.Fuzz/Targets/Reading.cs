using Coppice.Loading;

namespace Coppice.Fuzz.Targets;

/// <summary>What targets that read models' files share.</summary>
internal static class Reading
{
    public static readonly IReadOnlyList<Type> Refusals = [typeof(ModelFormatException)];

    /// <summary>The model that the tool comes with.</summary>
    public static readonly string SampleModel = Path.Combine(AppContext.BaseDirectory, "models", "sample");

    // Letters of several scripts, digits, white space, a surrogate pair, half of one, and the spelling of a special token.
    private const string Text = "Hello wörld, it's 12345 o'clock.\n\n  \t你好 ﬁne e\u0301 😀 \ud800 <s></s><|endoftext|> ";

    /// <summary>Does the next thing where the one before it was refused, too.</summary>
    /// <returns>Whether it was not refused.</returns>
    public static bool Try(Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (ModelFormatException)
        {
            return false;
        }
    }

    /// <summary>Reads the beginning of every tensor.</summary>
    public static void Rows(IWeightFile file)
    {
        const int mostTensors = 64, mostRows = 4, mostElements = 1 << 16;
        foreach (WeightTensor tensor in file.Tensors.Take(mostTensors))
        {
            long row = tensor.Shape.Count == 0 ? 1 : tensor.Shape[^1], rows = tensor.Shape.SkipLast(1).Aggregate(1L, (product, dimension) => product * dimension);
            if (row > mostElements) continue;
            _ = Try(() =>
            {
                for (long i = 0; i < Math.Min(rows, mostRows); i++) tensor.ReadRow(i, new float[row]);
            });
        }
    }

    /// <summary>Takes a text to tokens and back.</summary>
    public static void RoundTrip(Tokenizer tokenizer)
    {
        int[] tokens = tokenizer.Encode(Text);
        if (tokens.Any(token => token < 0 || token >= tokenizer.VocabularySize)) throw new InvalidOperationException($"A text has the token {tokens.Max()}, and there are {tokenizer.VocabularySize}.");
        _ = tokenizer.Decode(tokens);
        _ = tokenizer.Encode(new string('a', 1000), Specials.InText);
    }
}
