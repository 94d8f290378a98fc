using System.Text;
using Coppice.Constraints;
using Coppice.Tests.Sampling;
using Coppice.Tests.Tokens;

namespace Coppice.Tests.Constraints;

public sealed class MaskTests
{
    private const string Person = """{"type":"object","properties":{"name":{"type":"string","maxLength":12},"tags":{"type":"array","items":{"enum":["a","ab","é"]}},"n":{"type":"number"}},"required":["name"]}""";

    [Fact]
    public void Masks_are_those_of_trying_every_token() => Compare(Tokenizers.Sample, 40);

    [SharedFact]
    public void Masks_over_a_large_vocabulary_are_those_of_trying_every_token() => Compare(Tokenizers.Gguf("testdata/tokenizers/ggml-vocab-gpt-2.gguf"), 12);

    [SharedFact]
    public void Masks_over_a_vocabulary_with_byte_tokens_are_those_of_trying_every_token() => Compare(Tokenizers.Stories, 40);

    [SharedFact]
    public void The_first_token_of_a_text_may_have_the_space_that_it_will_lose()
    {
        Tokenizer tokenizer = Tokenizers.Stories;
        TokenAutomaton automaton = Walk.Over(OutputConstraint.Regex("[a-z]{1,3}"), tokenizer);
        ConstraintState start = automaton.Start();
        TokenMask first = automaton.Mask(start, LeadingSpace.Dropped), later = automaton.Mask(start, LeadingSpace.Kept);
        int spaced = 0;
        for (int token = 0; token < tokenizer.VocabularySize; token++)
        {
            string text = Encoding.UTF8.GetString(tokenizer.Bytes(token));
            bool fits = text.TrimStart(' ') is { Length: > 0 and <= 3 } letters && letters.All(char.IsAsciiLetterLower);
            Assert.Equal(fits && text.Length - text.TrimStart(' ').Length <= 1, first.Allows(token));
            Assert.Equal(fits && text[0] != ' ', later.Allows(token));
            spaced += fits && text[0] == ' ' ? 1 : 0;
        }
        Assert.True(spaced > 10, $"{spaced} tokens begin with a space");
    }

    [Fact]
    public void Forbidden_logits_are_minus_infinity_and_others_untouched_at_every_length()
    {
        Random random = new(2);
        for (int vocabulary = 1; vocabulary < 70; vocabulary++)
        {
            TokenMask mask = new(vocabulary);
            for (int token = 0; token < vocabulary; token++)
                if (vocabulary % 7 == 0 || random.Next(2) == 0) mask.Allow(token);
            float[] logits = RandomLogits.Make(random, vocabulary);
            float[] masked = [.. logits];
            mask.Apply(masked);
            for (int token = 0; token < vocabulary; token++) Assert.Equal(mask.Allows(token) ? logits[token] : float.NegativeInfinity, masked[token]);
        }
    }

    [Fact]
    public void Special_tokens_are_never_text()
    {
        TokenAutomaton automaton = Walk.Over(OutputConstraint.Regex("[^x]*"), Tokenizers.Sample);
        TokenMask mask = automaton.Mask(automaton.Start(), LeadingSpace.Kept);
        for (int token = 0; token < Tokenizers.Sample.VocabularySize; token++)
            if (Tokenizers.Sample.IsSpecial(token)) Assert.False(mask.Allows(token));
    }

    [Fact]
    public void States_that_were_forgotten_come_back_the_same()
    {
        OutputConstraint constraint = OutputConstraint.JsonSchema(Person);
        TokenTrie trie = new(Tokenizers.Sample);
        TokenAutomaton all = new(constraint.Automaton, trie), few = new(constraint.Automaton, trie) { MaxStateBytes = 2000 };
        ConstraintState a = all.Start(), b = few.Start();
        foreach (byte value in """{"name": "é","tags":["ab", "a"],"n":-1.5}"""u8)
        {
            TokenMask wanted = all.Mask(a, LeadingSpace.Kept), got = few.Mask(b, LeadingSpace.Kept);
            for (int token = 0; token < trie.VocabularySize; token++) Assert.Equal(wanted.Allows(token), got.Allows(token));
            (a, b) = (all.Next(a, value), few.Next(b, value));
            Assert.Equal(a.Accepts, b.Accepts);
            Assert.False(b.IsDead);
        }
        Assert.True(few.StateCount < all.StateCount);
        Assert.True(b.IsComplete);
    }

    [Fact]
    public void A_state_seen_before_costs_a_look_up()
    {
        TokenAutomaton automaton = Walk.Over(OutputConstraint.JsonObject(), Tokenizers.Sample);
        for (int i = 0; i < 3; i++)
        {
            ConstraintState state = automaton.Start();
            foreach (byte value in """{"aaaaaaaaaaaaaaaaaaaa":1}"""u8)
            {
                automaton.Mask(state, LeadingSpace.Kept);
                state = automaton.Next(state, value);
            }
        }
        Assert.InRange(automaton.MasksMade, 4, 8);
    }

    private static void Compare(Tokenizer tokenizer, int states)
    {
        Random random = new(5);
        (OutputConstraint Constraint, string Text)[] cases =
        [
            (OutputConstraint.JsonSchema(Person), """{"name": "Ada é","tags":["ab", "a"],"n":-1.5e3}"""),
            (OutputConstraint.JsonObject(), "{\n  \"k\": [true, {\"x\": \"\\u00e9\"}], \"l\": null}"),
            (OutputConstraint.Regex(@"([A-Z][a-zé]*\s?){2,5}"), "The Lazy Émile Dog"[..8]),
            (OutputConstraint.Grammar("root ::= line+\nline ::= [^\\n]{1,20} \"\\n\""), "one\ntwo π\n"),
        ];
        foreach ((OutputConstraint constraint, string text) in cases)
        {
            TokenAutomaton automaton = Walk.Over(constraint, tokenizer);
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            for (int i = 0; i < states; i++)
            {
                ConstraintState state = Walk.After(automaton, bytes.AsSpan(0, random.Next(bytes.Length + 1)));
                Assert.False(state.IsDead);
                TokenMask mask = automaton.Mask(state, LeadingSpace.Kept);
                for (int token = 0; token < tokenizer.VocabularySize; token++)
                {
                    ConstraintState at = state;
                    foreach (byte value in tokenizer.Bytes(token))
                        if (!(at = automaton.Next(at, value)).IsDead) continue;
                        else break;
                    Assert.True(mask.Allows(token) == (!at.IsDead && tokenizer.Bytes(token).Length > 0), $"{constraint.Text}: token {token} '{tokenizer.Piece(token)}'");
                }
            }
        }
    }
}
