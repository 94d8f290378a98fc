using System.Text;
using System.Text.RegularExpressions;
using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

public sealed class TextLanguageTests
{
    private const string Letters = "aab1é\n \"\\";

    private static TextLanguage Pattern(string pattern) => TextLanguage.FromPattern(pattern, "The pattern", new BuildBudget());

    private static TextLanguage Words(params string[] words) => TextLanguage.Words(words, new BuildBudget());

    private static TokenAutomaton Compiled(TextLanguage language) => Compiled(language, set => new CharsExpr(set));

    private static TokenAutomaton Compiled(TextLanguage language, Func<CharSet, Expr> spell)
    {
        BuildBudget budget = new();
        Automaton automaton = AutomatonBuilder.Build([("root", language.ToExpr(spell, budget))], budget);
        return new TokenAutomaton(automaton, new TokenTrie(Walk.Bytes));
    }

    [Fact]
    public void Languages_made_of_random_patterns_take_what_the_patterns_say()
    {
        Random random = new(11);
        int taken = 0, refused = 0;
        for (int i = 0; i < 400; i++)
        {
            (TextLanguage language, Func<string, bool> fits, string shown) = RandomLanguage(random, 2);
            BuildBudget budget = new();
            bool empty = language.IsEmpty(budget);
            TokenAutomaton? compiled = empty ? null : Compiled(language), inJson = empty ? null : Compiled(language, JsonRules.Spelled);
            for (int j = 0; j < 40; j++)
            {
                string text = RandomPattern.Text(random, Letters);
                bool expected = fits(text);
                Assert.True(language.Contains(text, budget) == expected, $"{shown}\n{text}: {expected}");
                Assert.True((compiled is not null && Walk.Accepts(compiled, text)) == expected, $"{shown} compiled\n{text}: {expected}");
                Assert.True((inJson is not null && Walk.Accepts(inJson, JsonRules.TextOf(text)[1..^1])) == expected, $"{shown} in JSON\n{text}: {expected}");
                if (expected) taken++;
                else refused++;
            }
        }
        Assert.True(taken > 2000 && refused > 2000, $"{taken} taken, {refused} refused");
    }

    [Fact]
    public void What_is_finite_is_listed()
    {
        BuildBudget budget = new();
        TextLanguage few = Pattern("^[ab]{1,2}$").Except(Words("ab", "b", "zz"), budget);
        Assert.True(few.TryEnumerate(4, budget, out IReadOnlyList<string> texts));
        Assert.Equal(["a", "aa", "ba", "bb"], texts.Order(StringComparer.Ordinal));
        Assert.False(few.TryEnumerate(3, budget, out _));
        Assert.False(Pattern("^a*$").TryEnumerate(1000, budget, out _));
        Assert.False(Pattern("").TryEnumerate(1000, budget, out _));
        Assert.True(TextLanguage.Nothing.TryEnumerate(0, budget, out texts));
        Assert.Empty(texts);
        Assert.True(Words("😀", "").TryEnumerate(2, budget, out texts));
        Assert.Equal(["", "😀"], texts.Order(StringComparer.Ordinal));
        Assert.True(Pattern("^a{2}$").And(TextLanguage.Lengths(3, null), budget).IsEmpty(budget));
        Assert.True(Pattern("a").Or(Pattern("a").Complement(budget), budget).IsEverything(budget));
        Assert.True(TextLanguage.Lengths(3, 2).IsEmpty(budget));
    }

    [Theory]
    [InlineData("^[a-z]+$", 1, 65_536)]
    [InlineData("^[a-z]+$", 20_000, null)]
    [InlineData("^[A-Z][a-z]*$", 0, 1_000_000)]
    [InlineData("", 0, 65_536)]
    [InlineData("", 65_536, null)]
    [InlineData("", 3, 100_000_000)]
    [InlineData("ab", 0, 20_000)]
    [InlineData("^a[a-z]{0,10000}$", 1, 9_000)]
    public void Long_lengths_are_counted_in_few_nodes(string pattern, int min, int? max)
    {
        BuildBudget budget = new();
        TextLanguage language = Pattern(pattern).And(TextLanguage.Lengths(min, max), budget);
        TokenAutomaton automaton = Compiled(language);
        string fitting = pattern == "^[A-Z][a-z]*$" ? "Z" : "ab";
        foreach (int length in new[] { min - 1, min, min + 1, max - 1, max, max + 1 }.OfType<int>().Where(length => length >= 2 && length < 200_000))
        {
            string text = (pattern.StartsWith("^a[", StringComparison.Ordinal) ? "a" : fitting).PadRight(length, 'x');
            Assert.Equal(length >= min && !(length > max), Walk.Accepts(automaton, text));
        }
    }

    /// <summary>A language, what it must take by .NET's own patterns, and how it is made.</summary>
    private static (TextLanguage Language, Func<string, bool> Fits, string Shown) RandomLanguage(Random random, int depth)
    {
        BuildBudget budget = new();
        if (depth == 0)
        {
            switch (random.Next(5))
            {
                case 0:
                    (int min, int? max) = (random.Next(4), random.Next(3) == 0 ? null : 3 + random.Next(3));
                    return (TextLanguage.Lengths(min, max), text => new Length(min, max).Contains(text.Length), $"{min}..{max}");
                case 1:
                    string[] words = [RandomPattern.Text(random, Letters), RandomPattern.Text(random, Letters), "a"];
                    return (Words(words), words.Contains, $"words {string.Join(' ', words)}");
                default:
                    string pattern = RandomPattern.Make(random, 2);
                    Regex regex = RandomPattern.Oracle(pattern);
                    return (Pattern(pattern), regex.IsMatch, pattern);
            }
        }
        (TextLanguage a, Func<string, bool> inA, string showA) = RandomLanguage(random, depth - 1);
        (TextLanguage b, Func<string, bool> inB, string showB) = RandomLanguage(random, depth - 1);
        return random.Next(5) switch
        {
            0 => (a.Or(b, budget), text => inA(text) || inB(text), $"({showA} or {showB})"),
            1 => (a.Except(b, budget), text => inA(text) && !inB(text), $"({showA} but {showB})"),
            2 => (a.Complement(budget), text => !inA(text), $"not {showA}"),
            _ => (a.And(b, budget), text => inA(text) && inB(text), $"({showA} and {showB})"),
        };
    }
}
