using System.Text;
using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

public sealed class GrammarTests
{
    private const string Arithmetic = """
        # sums of products
        root  ::= sum "\n"
        sum   ::= product (("+" | "-") product)*
        product ::= atom
          | atom "*" product
        atom  ::= [0-9]{1,3} | "(" sum ")" | "π"
        """;

    [Theory]
    [InlineData("1+2*3\n", true)]
    [InlineData("((7))*12-π\n", true)]
    [InlineData("1234\n", false)]
    [InlineData("1+\n", false)]
    [InlineData("(1\n", false)]
    [InlineData("1", false)]
    public void Arithmetic_is_recognised(string text, bool accepted) =>
        Assert.Equal(accepted, Walk.Accepts(Walk.Over(OutputConstraint.Grammar(Arithmetic), Walk.Bytes), text));

    [Theory]
    [InlineData("root ::= [^a-y\\n]+ \"\\x41\\u00e9\"", "zzzAé", true)]
    [InlineData("root ::= [^a-y\\n]+ \"A\"", "zbA", false)]
    [InlineData("root ::= \"a\"{2,3}", "aaa", true)]
    [InlineData("root ::= \"a\"{2,3}", "aaaa", false)]
    [InlineData("root ::= \"a\"{,2} b\nb ::= \"b\"{2}", "bb", true)]
    [InlineData("root ::= (\n\"a\"\n|\n\"b\"\n)+ # end", "abba", true)]
    [InlineData("root ::= . .", "é🙂", true)]
    [InlineData("root ::= \"\" | \"x\" root", "xxx", true)]
    [InlineData("root ::= ((\"a\"?)*)+", "aa", true)]
    [InlineData("root ::= [\\]a-]*", "]-a", true)]
    public void Notation_is_read(string grammar, string text, bool accepted) =>
        Assert.Equal(accepted, Walk.Accepts(Walk.Over(OutputConstraint.Grammar(grammar), Walk.Bytes), text));

    [Theory]
    [InlineData("", "no rule 'root'")]
    [InlineData("start ::= \"a\"", "no rule 'root'")]
    [InlineData("root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: the rule 'root' is defined twice")]
    [InlineData("root ::= \"a\" other", "line 1, column 14: the rule 'other' is used and not defined")]
    [InlineData("root ::= (\"a\"", "line 1, column 10: this ( is not closed")]
    [InlineData("root ::= \"a", "line 1, column 10: this \" is not closed")]
    [InlineData("root ::= [a", "line 1, column 10: this [ is not closed")]
    [InlineData("root ::= [z-a]", "runs backwards")]
    [InlineData("root ::= \"\\q\"", "begins no character")]
    [InlineData("root ::= \"a\"{3,1}", "counts down")]
    [InlineData("root ::= \"a\"{2000000}", "more than 1000000")]
    [InlineData("root ::= <think>", "write their text")]
    [InlineData("root = \"a\"", "'::=' must follow")]
    [InlineData("root ::= \"a\")", "closes nothing")]
    [InlineData("root ::= root \"a\" | \"b\"", "comes back to itself")]
    [InlineData("root ::= a\na ::= b? c\nb ::= \"x\"\nc ::= a \"y\"", "comes back to itself")]
    [InlineData("root ::= \"a\" root", "fits no text")]
    [InlineData("root ::= []", "fits no text")]
    public void What_is_wrong_is_named_with_its_place(string grammar, string says) =>
        Assert.Contains(says, Assert.Throws<InvalidRequestException>(() => OutputConstraint.Grammar(grammar)).Message);

    [Fact]
    public void Random_grammars_take_what_a_slow_recogniser_takes()
    {
        Random random = new(7);
        int taken = 0, refused = 0, grammars = 0;
        while (grammars < 150)
        {
            string grammar = RandomGrammar(random);
            OutputConstraint constraint;
            try
            {
                constraint = OutputConstraint.Grammar(grammar);
            }
            catch (InvalidRequestException e) when (e.Message.Contains("fits no text") || e.Message.Contains("itself"))
            {
                continue;
            }
            grammars++;
            IReadOnlyList<(string, Expr)> rules = GrammarReader.Read(grammar, new BuildBudget());
            TokenAutomaton automaton = Walk.Over(constraint, Walk.Bytes);
            for (int i = 0; i < 40; i++)
            {
                byte[] text = Text(automaton, random);
                bool accepts = new SlowRecogniser(rules, text).Accepts();
                Assert.True(accepts == Walk.After(automaton, text).Accepts, $"{grammar}\n'{Encoding.UTF8.GetString(text)}' slowly: {accepts}");
                if (accepts) taken++;
                else refused++;
            }
        }
        Assert.True(taken > 500 && refused > 500, $"{taken} taken, {refused} refused");
    }

    [Fact]
    public void From_every_state_that_is_reached_the_end_can_be_reached()
    {
        Random random = new(8);
        for (int grammars = 0; grammars < 60;)
        {
            OutputConstraint constraint;
            try
            {
                constraint = OutputConstraint.Grammar(RandomGrammar(random));
            }
            catch (InvalidRequestException)
            {
                continue;
            }
            grammars++;
            TokenAutomaton automaton = Walk.Over(constraint, Walk.Bytes);
            ConstraintState state = automaton.Start();
            for (int i = 0; i < 12; i++)
            {
                Assert.True(ReachesEnd(automaton, state), constraint.Text);
                ConstraintState[] next = [.. "abcé"u8.ToArray().Select(value => automaton.Next(state, value)).Where(s => !s.IsDead)];
                if (next.Length == 0) break;
                state = next[random.Next(next.Length)];
            }
        }
    }

    private static bool ReachesEnd(TokenAutomaton automaton, ConstraintState from)
    {
        HashSet<ConstraintState> seen = [from];
        Queue<ConstraintState> open = new([from]);
        while (seen.Count < 3000 && open.TryDequeue(out ConstraintState? state))
        {
            if (state.Accepts) return true;
            foreach (byte value in "abcé"u8)
                if (automaton.Next(state, value) is { IsDead: false } next && seen.Add(next)) open.Enqueue(next);
        }
        return seen.Count >= 3000;
    }

    /// <summary>Mostly a text that fits as far as it goes, sometimes changed in a byte.</summary>
    private static byte[] Text(TokenAutomaton automaton, Random random)
    {
        List<byte> text = [];
        ConstraintState state = automaton.Start();
        while (text.Count < 12 && !(state.Accepts && random.Next(3) == 0))
        {
            byte[] fits = [.. "abcé"u8.ToArray().Where(value => !automaton.Next(state, value).IsDead)];
            if (fits.Length == 0) break;
            text.Add(fits[random.Next(fits.Length)]);
            state = automaton.Next(state, text[^1]);
        }
        if (text.Count > 0 && random.Next(3) == 0) text[random.Next(text.Count)] = "abc"u8[random.Next(3)];
        return [.. text];
    }

    private static string RandomGrammar(Random random)
    {
        string[] names = ["root", "x", "y", "z"];
        return string.Join('\n', names.Select(name => $"{name} ::= {Item(random, 3, names)}"));
    }

    private static string Item(Random random, int depth, string[] names) => random.Next(depth > 0 ? 9 : 4) switch
    {
        0 => "\"a\"",
        1 => "[b-cé]",
        2 => "[^ac]",
        3 => random.Next(3) == 0 ? "\"\"" : "\"ab\"",
        4 => $"({Item(random, depth - 1, names)} | {Item(random, depth - 1, names)})",
        5 => $"{Item(random, depth - 1, names)} {Item(random, depth - 1, names)}",
        6 => $"({Item(random, depth - 1, names)}){"*+?"[random.Next(3)]}",
        7 => $"({Item(random, depth - 1, names)}){{{random.Next(2)},{2 + random.Next(2)}}}",
        _ => $"\"c\" {names[random.Next(names.Length)]}",
    };
}
