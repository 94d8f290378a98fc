using System.Text;

namespace Coppice.Fuzz.Targets;

/// <summary>A regular expression, and a text of it.</summary>
internal static class RegexTarget
{
    public static FuzzTarget Target { get; } = new("regex", "Regular expressions, and texts of them", Syntax.Text, _ => input => ConstraintWalk.Draw(OutputConstraint.Regex(Encoding.UTF8.GetString(input)), ConstraintWalk.SeedOf(input)))
    {
        Refusals = [typeof(InvalidRequestException)],
        Words = ["^", "$", ".", "\\d", "\\w", "\\s", "\\S", "\\b", "\\p{L}", "\\P{Lu}", "\\u0041", "\\u{1F600}", "\\x41", "\\cA", "\\0", "\\/", "[a-z]", "[^a-z]", "[\\w-.]", "[\\s\\S]", "[]", "[^]", "(?:", "(?=", "(?!", "(?<=", "(?<a>", "\\k<a>", "\\1", "(", ")", "|", "?", "*", "+", "??", "*?", "{2}", "{2,}", "{1,3}", "{0,9999}", "{,3}", "é", "😀"],
        Nests = [("(", ")"), ("(?:", ")"), ("(a|", ")"), ("(", ")?"), ("(", ")*"), ("(", "){2}"), ("[a-z]", ""), ("a|", ""), ("(?=", ")"), ("(?!", ")"), (".", "")],
    };
}
