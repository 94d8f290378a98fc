using System.Text;
using System.Text.RegularExpressions;
using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

public sealed class PatternTests
{
    [Theory]
    [InlineData(@"^\d{3}-[A-F]+$", "123-AB", true)]
    [InlineData(@"\d{3}-[A-F]+", "12-AB", false)]
    [InlineData(@"(?:yes|no)\.?", "no.", true)]
    [InlineData(@"(?<year>\d+?)\/\w\s\S", "20/x y", true)]
    [InlineData(@"[^\d\s]{2}", "é🙂", true)]
    [InlineData(@".", "\n", false)]
    [InlineData(@"a{2", "a{2", true)]
    [InlineData(@"[\u{1F600}-\u{1F64F}\x41]+", "🙂A", true)]
    [InlineData(@"😀?", "", true)]
    [InlineData(@"[]|x", "x", true)]
    [InlineData(@"[a\-z]", "-", true)]
    [InlineData(@"[+-]", "-", true)]
    [InlineData("(?=ab)a", "a", false)]
    [InlineData("(?=ab)ab", "ab", true)]
    [InlineData("a?(?<!a)b", "b", true)]
    [InlineData("a?(?<!a)b", "ab", false)]
    [InlineData("a(b$|c)d?", "ab", true)]
    [InlineData("a(b$|c)d?", "abd", false)]
    [InlineData(@"\bword\b.*", "word up", true)]
    [InlineData(@"\bword\b.*", "words up", false)]
    [InlineData(@"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", "-1.5", true)]
    [InlineData(@"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", "-.", false)]
    public void Patterns_match_as_a_whole(string pattern, string text, bool accepted) =>
        Assert.Equal(accepted, Walk.Accepts(Walk.Over(OutputConstraint.Regex(pattern), Walk.Bytes), text));

    [Theory]
    [InlineData("(a", "character 1: this ( is not closed")]
    [InlineData("a)", "closes nothing")]
    [InlineData("a[b", "character 2: this [ is not closed")]
    [InlineData("*a", "repeats nothing")]
    [InlineData("a**", "follows a repetition")]
    [InlineData("a{3,2}", "counts down")]
    [InlineData("a{99999}", "more than 10000")]
    [InlineData(@"(a)\1", "back-references")]
    [InlineData(@"\p{L}", "Unicode classes")]
    [InlineData(@"\q", "unknown")]
    [InlineData(@"\u12", "hexadecimal")]
    [InlineData(@"a\", "ends the pattern")]
    [InlineData("[b-a]", "runs backwards")]
    [InlineData("a^b", "fits no text")]
    public void What_is_wrong_is_named_with_its_place(string pattern, string says) =>
        Assert.Contains(says, Assert.Throws<InvalidRequestException>(() => OutputConstraint.Regex(pattern)).Message);

    [Fact]
    public void Random_patterns_match_what_System_Text_RegularExpressions_matches()
    {
        Random random = new(3);
        int matched = 0;
        for (int i = 0; i < 300; i++)
        {
            string pattern = RandomPattern(random, 3);
            TokenAutomaton automaton = Walk.Over(OutputConstraint.Regex(pattern), Walk.Bytes);
            Regex regex = new($@"\A(?:{pattern})\z", RegexOptions.ECMAScript | RegexOptions.CultureInvariant, TimeSpan.FromSeconds(10));
            for (int j = 0; j < 20; j++)
            {
                string text = j < 10 ? RandomText(random) : Fitting(automaton, random);
                bool accepts = Walk.Accepts(automaton, text);
                Assert.True(regex.IsMatch(text) == accepts, $"{pattern} on '{text}': {accepts}");
                matched += accepts ? 1 : 0;
            }
        }
        Assert.True(matched > 1000, $"{matched} matched");
    }

    [Fact]
    public void Texts_drawn_from_patterns_are_matched()
    {
        Random random = new(4);
        string[] patterns = [@"\d{4}-\d\d-\d\d", @"[A-Z][a-zé]{1,9}( [A-Z][a-z]{1,9})?", @"(\+\d{1,3} )?\(\d{3}\) \d{3}-\d{4}", @"[!-~é]{3,5}", @"(ab|a)(c|bcd)(d*)", "[一-龥]{2,4}。"];
        foreach (string pattern in patterns)
        {
            TokenAutomaton automaton = Walk.Over(OutputConstraint.Regex(pattern), Walk.Bytes);
            Regex regex = new($@"\A(?:{pattern})\z", RegexOptions.ECMAScript);
            for (int i = 0; i < 12; i++) Assert.Matches(regex, Walk.Draw(automaton, Walk.Bytes, random) ?? "never ended");
        }
    }

    private static string RandomPattern(Random random, int depth) => random.Next(depth > 0 ? 10 : 5) switch
    {
        0 => "a",
        1 => "[b-dé]",
        2 => @"\d",
        3 => "[^a1]",
        4 => random.Next(2) == 0 ? "." : @"\w",
        5 => $"(?:{RandomPattern(random, depth - 1)}|{RandomPattern(random, depth - 1)})",
        6 or 7 => RandomPattern(random, depth - 1) + RandomPattern(random, depth - 1),
        8 => $"(?:{RandomPattern(random, depth - 1)}){"*+?"[random.Next(3)]}",
        _ => $"(?:{RandomPattern(random, depth - 1)}){{{random.Next(2)},{1 + random.Next(3)}}}{(random.Next(2) == 0 ? "?" : "")}",
    };

    private static string RandomText(Random random) => new([.. Enumerable.Range(0, random.Next(6)).Select(_ => "aabcd1é\n"[random.Next(8)])]);

    private static string Fitting(TokenAutomaton automaton, Random random)
    {
        StringBuilder text = new();
        ConstraintState state = automaton.Start();
        while (text.Length < 10 && !(state.Accepts && random.Next(3) == 0))
        {
            char c = "aabcd1é"[random.Next(7)];
            ConstraintState next = state;
            foreach (byte value in Encoding.UTF8.GetBytes([c])) next = automaton.Next(next, value);
            if (next.IsDead && random.Next(8) > 0) continue;
            text.Append(c);
            if (next.IsDead) break;
            state = next;
        }
        return text.ToString();
    }
}
