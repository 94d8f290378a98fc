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
    [InlineData("(?=ab)a.?", "a", false)]
    [InlineData(@"[\w-.]+", "a-._", true)]
    [InlineData(@"[.-\w]+", "a-._", true)]
    [InlineData(@"[\w-.]+", "a,", false)]
    [InlineData(@"\s+", "\u00a0\ufeff\u3000\u2028\t\v\u1680\u202f\u205f", true)]
    [InlineData(@"\s+", "\u0085", false)]
    [InlineData(@"\s+", "\u200b", false)]
    [InlineData(@"\S", "\u00a0", false)]
    [InlineData(@"\d", "٣", false)]
    [InlineData(@"\p{L}+\P{L}", "aéΩ漢1", true)]
    [InlineData(@"\p{Letter}+", "a1", false)]
    [InlineData(@"[\p{Lu}\p{gc=Nd}]+", "AÉ٣", true)]
    [InlineData(@"\p{Script=Greek}+", "αβ", true)]
    [InlineData(@"\p{sc=Cyrl}+", "жa", false)]
    [InlineData(@"\p{sc=Han}\p{Script=Hira}\p{Script=Hangul}", "漢あ한", true)]
    [InlineData(@"\p{Emoji_Presentation}", "😀", true)]
    [InlineData(@"\p{digit}\p{ASCII}\p{Any}\p{Assigned}", "1aé漢", true)]
    [InlineData(@"\u{0000061}\cJ\0[\b][^][\s\S]", "a\n\0\b\n\r", true)]
    [InlineData("a{,5}{", "a{,5}{", true)]
    [InlineData("}]", "}]", true)]
    [InlineData(@"\ud83d\ude00", "😀", true)]
    [InlineData(@"[^\ud800-\udfff]", "😀", true)]
    [InlineData(@"(?P<year>\d)\Z", "1", true)]
    [InlineData(@"\A(?<a>b)*?\z", "bb", true)]
    [InlineData(@"\^\$\\\.\*\+\?\(\)\[\]\{\}\|\/\-\@\,", @"^$\.*+?()[]{}|/-@,", true)]
    [InlineData("^(?=.*[A-Z])(?=.*\\d).{4,}$", "abC1", true)]
    [InlineData("^(?=.*[A-Z])(?=.*\\d).{4,}$", "abc1", false)]
    [InlineData("(?:(?!end).)*", "the en", true)]
    [InlineData("(?:(?!end).)*", "the end", false)]
    [InlineData("(?!(?=a).)b?", "b", true)]
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
    [InlineData("a{9999999}", "more than 1000000")]
    [InlineData(@"(a)\1", "back-references")]
    [InlineData(@"\p{Latin}", "is unknown; known are")]
    [InlineData(@"\p{Script=Klingon}", "is unknown; known are")]
    [InlineData(@"\pL", "a name in braces")]
    [InlineData(@"\p{L", "not closed")]
    [InlineData("(?i)a", "options as in (?i)")]
    [InlineData("(?>a)", "atomic groups")]
    [InlineData("a++", "possessive")]
    [InlineData("(?#a)", "comments")]
    [InlineData("(?(1)a)", "conditions")]
    [InlineData("(?<n>a)\\k<n>", "back-references")]
    [InlineData("(?<n", "no >")]
    [InlineData("(?<>a)", "letters, digits")]
    [InlineData("(?<=a$)", "look-behind")]
    [InlineData("(?<=(?=a))", "look-behind")]
    [InlineData("{2}", "repeats nothing")]
    [InlineData("^*", "follows an assertion")]
    [InlineData(@"\c1", "a letter must follow")]
    [InlineData(@"\07", "octal")]
    [InlineData(@"\u{110000}", "up to 10FFFF")]
    [InlineData(@"\Qa\E", "not of ECMAScript")]
    [InlineData("[a", "not closed")]
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
            string pattern = RandomPattern.Make(random, 3);
            if (TryMake(pattern) is not OutputConstraint constraint) continue;
            TokenAutomaton automaton = Walk.Over(constraint, Walk.Bytes);
            Regex regex = RandomPattern.Oracle($@"\A(?:{pattern})\z");
            for (int j = 0; j < 20; j++)
            {
                string text = j < 10 ? RandomPattern.Text(random, "aabcd1é\n") : Fitting(automaton, random);
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

    /// <summary>Null: the pattern contradicts itself.</summary>
    private static OutputConstraint? TryMake(string pattern)
    {
        try
        {
            return OutputConstraint.Regex(pattern);
        }
        catch (InvalidRequestException e) when (e.Message.Contains("fits no text"))
        {
            return null;
        }
    }

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
