using Coppice.Constraints;

namespace Coppice.Fuzz.Targets;

/// <summary>Draws a text that a constraint lets through.</summary>
internal static class ConstraintWalk
{
    private const int MostTokens = 40;

    private static readonly Lazy<Tokenizer> s_tokenizer = new(() => Tokenizer.FromFolder(Reading.SampleModel));
    private static readonly Lazy<ConstraintCache> s_cache = new(() => new ConstraintCache(s_tokenizer.Value));

    /// <summary>A whole text; null if it did not end soon.</summary>
    /// <param name="constraint">What it must look like.</param>
    /// <param name="seed">Of what is drawn.</param>
    /// <exception cref="InvalidRequestException">The constraint leaves too much open.</exception>
    public static string? Draw(OutputConstraint constraint, int seed)
    {
        Tokenizer tokenizer = s_tokenizer.Value;
        Random random = new(seed);
        ConstraintCursor cursor = s_cache.Value.Begin(constraint, beginsText: false);
        List<int> tokens = [];
        for (int i = 0; i < MostTokens; i++)
        {
            if (cursor.IsComplete || (cursor.Accepts && random.Next(4) == 0)) return tokenizer.Decode([.. tokens]);
            TokenMask mask = cursor.Mask;
            int[] allowed = [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(mask.Allows)];
            if (allowed.Length == 0) return cursor.Accepts ? tokenizer.Decode([.. tokens]) : null;
            // What ends things is drawn more often, or texts would be cut off.
            int token = random.Next(2) == 0 && allowed.Where(one => IsClosing(tokenizer.Bytes(one))).ToArray() is { Length: > 0 } closing
                ? closing[random.Next(closing.Length)]
                : allowed[random.Next(allowed.Length)];
            tokens.Add(token);
            cursor.Append(token);
        }
        return null;
    }

    /// <summary>A number that an input always gives.</summary>
    public static int SeedOf(byte[] input) => input.Aggregate(17, (hash, value) => unchecked((hash * 31) + value));

    private static bool IsClosing(ReadOnlySpan<byte> bytes) => bytes is [(byte)'"' or (byte)'}' or (byte)']' or (byte)':'];
}
