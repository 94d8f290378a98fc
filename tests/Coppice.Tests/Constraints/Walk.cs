using System.Text;
using Coppice.Constraints;
using Coppice.Sampling;

namespace Coppice.Tests.Constraints;

/// <summary>Outputs drawn from constraints without a model: random logits, the real sampler.</summary>
internal static class Walk
{
    public static TokenAutomaton Over(OutputConstraint constraint, Tokenizer tokenizer) => new(constraint.Automaton, new TokenTrie(tokenizer));

    /// <summary>The state after these bytes, dead if they do not fit.</summary>
    public static ConstraintState After(TokenAutomaton automaton, ReadOnlySpan<byte> bytes)
    {
        ConstraintState state = automaton.Start();
        foreach (byte value in bytes) state = automaton.Next(state, value);
        return state;
    }

    public static bool Accepts(TokenAutomaton automaton, string text) => After(automaton, Encoding.UTF8.GetBytes(text)).Accepts;

    /// <summary>A byte-level vocabulary: every byte is a token.</summary>
    public static Tokenizer Bytes => Tokens.Tokenizers.Sample;

    /// <summary>Draws until the answer ends. Null: it did not within the tokens.</summary>
    /// <param name="constraint">What it must look like.</param>
    /// <param name="tokenizer">With an end of text.</param>
    /// <param name="random">The model.</param>
    /// <param name="maxTokens">Most tokens.</param>
    public static string? Draw(TokenAutomaton constraint, Tokenizer tokenizer, Random random, int maxTokens = 400)
    {
        int vocabulary = tokenizer.VocabularySize;
        int end = tokenizer.EndOfText!.Value;
        GenerateOptions options = new() { Temperature = 1 + random.NextSingle(), Seed = random.Next() };
        SamplingState state = new(options, [], [end], vocabulary, maxTokens, new ConstraintCursor(constraint, tokenizer, beginsText: false));
        Sampler sampler = new(vocabulary);
        float[] logits = new float[vocabulary];
        List<int> tokens = [];
        for (int i = 0; i < maxTokens; i++)
        {
            // What ends things is likely, the more so the longer it lasts; else most answers would not end.
            for (int t = 0; t < vocabulary; t++) logits[t] = (2 * random.NextSingle()) + Closing(t == end ? [] : tokenizer.Bytes(t), t == end, i);
            int token = sampler.Sample(logits, state);
            if (token == end) return tokenizer.Decode([.. tokens]);
            tokens.Add(token);
            if (state.IsComplete) return tokenizer.Decode([.. tokens]);
        }
        return null;
    }

    private static float Closing(ReadOnlySpan<byte> bytes, bool isEnd, int at)
    {
        if (isEnd) return 4 + (at * 0.5f);
        if (bytes.Length != 1) return bytes.IsEmpty || bytes[0] >= 0x80 ? 0 : 0.5f;
        return (char)bytes[0] switch
        {
            '"' or '}' or ']' => 6 + (at * 0.1f),
            ':' => 6,
            ',' or '.' or (>= '0' and <= '9') => 3,
            _ => 1,
        };
    }
}
