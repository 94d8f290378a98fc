using System.Text;

namespace Coppice.Fuzz.Targets;

/// <summary>A grammar in GBNF, and a text of it.</summary>
internal static class GrammarTarget
{
    public static FuzzTarget Target { get; } = new("grammar", "Grammars in GBNF, and texts of them", Syntax.Text, _ => input => ConstraintWalk.Draw(OutputConstraint.Grammar(Encoding.UTF8.GetString(input)), ConstraintWalk.SeedOf(input)))
    {
        Refusals = [typeof(InvalidRequestException)],
        Words = ["root ::= ", "::=", "\nx ::= ", "\"a\"", "\"\\x41\"", "\"\\u00e9\"", "\"\\U0001F600\"", "[a-z]", "[^\\n]", "[", "]", " | ", "?", "*", "+", "{2}", "{2,}", "{1,3}", "{0,9999}", "# x\n", "\n", ".", "(", ")", "root", "x", "é"],
        Nests = [("(", ")"), ("\"a\" | (", ")"), ("?", ""), ("*", ""), ("+", ""), ("{2}", ""), ("(\"a\" ", ")?"), ("[a-z]", ""), ("x ", ""), ("| ", "")],
    };
}
