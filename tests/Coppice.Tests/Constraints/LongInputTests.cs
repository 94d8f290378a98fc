using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

/// <summary>Each construct of the notations, a million times and as often as a text may hold it: it is taken or refused, on a small stack.</summary>
public sealed class LongInputTests
{
    private const int StackBytes = 512 * 1024;

    private static string Many(int count, string part) => string.Concat(Enumerable.Repeat(part, count));

    // Before, repeated, after.
    public static TheoryData<string, string, string> Grammars => new()
    {
        { "root ::= \"a\"", "?", "" },
        { "root ::= \"a\"", "*", "" },
        { "root ::= \"a\"", "+", "" },
        { "root ::= \"a\"", "?*+", "" },
        { "root ::= \"a\"", "{2}", "" },
        { "root ::= \"a\"", "{2}?", "" },
        { "root ::= \"a\"", "{1,}", "" },
        { "root ::= \"a\"", "{0,1}", "" },
        { "root ::= \"a\"", "{0}", "" },
        { "root ::= ", "(", "" },
        { "root ::= ", "(\"a\" ", "" },
        { "root ::= ", "(\"a\" | ", "" },
        { "root ::= ", "()", "" },
        { "root ::= ", "(\"a\")?", "" },
        { "root ::= \"a\"", "|\"b\"", "" },
        { "root ::= \"a\"", "|", "" },
        { "root ::= \"a\"", "| root2", "\nroot2 ::= \"b\"" },
        { "root ::= \"a\"", " root2", "\nroot2 ::= \"b\"?" },
        { "root ::= \"a\"", " root", "" },
        { "root ::= ", "\"a\" ", "" },
        { "root ::= ", "\"\"", "" },
        { "root ::= \"", "a", "\"" },
        { "root ::= \"", "\\n", "\"" },
        { "root ::= \"", "\\U0001F600", "\"" },
        { "root ::= \"", "a", "" },
        { "root ::= ", "[a-z]", "" },
        { "root ::= ", "[^a]", "" },
        { "root ::= [", "a", "]" },
        { "root ::= [", "\\u00e9-\\u00ea", "]" },
        { "root ::= [^", "aé", "]" },
        { "root ::= [", "a", "" },
        { "root ::= ", ".", "" },
        { "root ::= ", ".*", "" },
        { "root ::= \"a\"", "{", "" },
        { "root ::= \"a\"{", "9", "}" },
        { "root ::= \"a\" #", "#", "" },
        { "root ::= \"a\"", "\n", "" },
        { "", "a", " ::= \"a\"" },
        { "root ::= ", "a", "" },
        { "root ::= \"a\"", ")", "" },
        { "root", "::=", "" },
    };

    [Theory, MemberData(nameof(Grammars))]
    public void Grammars_of_any_construct_are_taken_or_refused(string before, string repeated, string after) =>
        Try(text => OutputConstraint.Grammar(text), before, repeated, after);

    [Theory]
    [InlineData("root ::= r0\n", "r{0} ::= r{1}\n", "r{1} ::= \"a\"")]
    [InlineData("root ::= r0\n", "r{0} ::= r{1} | \"a\"\n", "r{1} ::= \"a\"")]
    [InlineData("root ::= r0\n", "r{0} ::= r{1} \"b\"?\n", "r{1} ::= \"a\"")]
    [InlineData("root ::= r0\n", "r{0} ::= \"b\"? r{1}\n", "r{1} ::= r0")]
    [InlineData("root ::= r0\n", "r{0} ::= \"b\" r{1} \"b\"\n", "r{1} ::= r0 | \"a\"")]
    [InlineData("root ::= r0\n", "r{0} ::= r{1}{{2}}\n", "r{1} ::= \"a\"")]
    public void Chains_of_rules_are_taken_or_refused(string before, string link, string last)
    {
        const int Rules = 10_000;
        string chain = string.Concat(Enumerable.Range(0, Rules).Select(i => string.Format(System.Globalization.CultureInfo.InvariantCulture, link, i, i + 1)));
        OnSmallStack(() => Make(text => OutputConstraint.Grammar(text), before + chain + string.Format(System.Globalization.CultureInfo.InvariantCulture, last, 0, Rules)));
    }

    public static TheoryData<string, string, string> Patterns => new()
    {
        { "a", "?", "" },
        { "a", "*", "" },
        { "a", "{2}", "" },
        { "", "a?", "" },
        { "", "a*", "" },
        { "", "a+?", "" },
        { "", "a{2}", "" },
        { "", "a{0,9}", "" },
        { "", "a{2}", "\\b" },
        { "", "(", "" },
        { "", "(?:", "" },
        { "", "(?=", "" },
        { "", "(?!", "" },
        { "", "(?<=", "" },
        { "", "(a|", "" },
        { "", "(a)", "" },
        { "", "(a|b)*", "" },
        { "", "(a|b)*", "\\b" },
        { "", "(?<n>a)", "" },
        { "", "(?=a)", "" },
        { "", "(?!a)b", "" },
        { "", "(?<=a)", "" },
        { "", "(?<!a)b", "" },
        { "", "|", "" },
        { "", "a|", "" },
        { "", "^a$|", "" },
        { "", "a", "" },
        { "", "a", "$b" },
        { "", "é", "" },
        { "", ".", "" },
        { "", ".", "\\b" },
        { "", ".*", "" },
        { "", ".*", "\\B" },
        { "", "\\d", "" },
        { "", "\\p{L}", "" },
        { "", "\\p{L}", "$\\b" },
        { "", "\\u{1F600}", "" },
        { "", "\\", "" },
        { "", "\\\\", "" },
        { "", "^", "" },
        { "", "$", "" },
        { "", "\\b", "" },
        { "", "\\ba\\b ", "" },
        { "", "[", "" },
        { "", "[a]", "" },
        { "", "[^a]", "" },
        { "[", "a", "]" },
        { "[", "\\w-", "]" },
        { "[^", "\\u{1F600}-\\u{1F64F}", "]" },
        { "[", "\\p{L}", "]" },
        { "a{", "9", "}" },
        { "", "{", "" },
        { "", "]", "" },
        { "", ")", "" },
        { "(?<", "n", ">a)" },
        { "\\p{", "L", "}" },
        { "\\u{", "0", "61}" },
    };

    [Theory, MemberData(nameof(Patterns))]
    public void Patterns_of_any_construct_are_taken_or_refused(string before, string repeated, string after) =>
        Try(text => OutputConstraint.Regex(text), before, repeated, after);

    [Theory, MemberData(nameof(Patterns))]
    public void Patterns_in_schemas_of_any_construct_are_taken_or_refused(string before, string repeated, string after) => OnSmallStack(() =>
    {
        BuildBudget budget = new();
        string pattern = before + Many(40_000 / repeated.Length, repeated) + after;
        try
        {
            TextLanguage language = TextLanguage.FromPattern(pattern, "The pattern", budget);
            language.And(TextLanguage.FromPattern("^.{3,9}$", "The pattern", budget), budget).ToExpr(JsonRules.Spelled, budget);
        }
        catch (InvalidRequestException)
        {
        }
    });

    private static void Try(Func<string, OutputConstraint> make, string before, string repeated, string after) => OnSmallStack(() =>
    {
        Make(make, before + Many(1_000_000, repeated) + after);
        Make(make, before + Many((ConstraintLimits.Characters - before.Length - after.Length) / repeated.Length, repeated) + after);
    });

    private static void Make(Func<string, OutputConstraint> make, string text)
    {
        try
        {
            Walk.Over(make(text), Walk.Bytes).Start();
        }
        catch (InvalidRequestException)
        {
        }
    }

    // A stack that overflows ends the process, and with it the tests.
    private static void OnSmallStack(Action run)
    {
        Exception? thrown = null;
        Thread thread = new(() => thrown = Record.Exception(run), StackBytes);
        thread.Start();
        thread.Join();
        Assert.Null(thrown);
    }
}
