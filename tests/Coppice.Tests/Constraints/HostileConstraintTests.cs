using System.Text;
using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

public sealed class HostileConstraintTests
{
    private static string Many(int count, Func<int, string> part) => string.Concat(Enumerable.Range(0, count).Select(part));

    public static TheoryData<string, string> Grammars => new()
    {
        { $"root ::= {new string('(', 5000)}\"a\"{new string(')', 5000)}", "nest deeper" },
        { "root ::= (" + Many(300, i => $"\"{i}\"{{,1000}} ") + ")", "nodes" },
        { "root ::= \"" + new string('a', 300_000) + "\"", "characters" },
        { "root ::= r0\n" + Many(2000, i => $"r{i} ::= r{(i + 1) % 2000} \"x\"?\n"), "comes back to itself" },
        { "root ::= \"a\" | " + Many(60_000, _ => "a|"), "not defined" },
    };

    [Theory, MemberData(nameof(Grammars))]
    public void Grammars_that_grow_without_bound_are_refused(string grammar, string says) =>
        Assert.Contains(says, Assert.Throws<InvalidRequestException>(() => OutputConstraint.Grammar(grammar)).Message);

    public static TheoryData<string, string> Patterns => new()
    {
        { new string('(', 100_000), "nest deeper" },
        { Many(2000, _ => "(") + "a" + Many(2000, _ => ")"), "nest deeper" },
        { "(" + Many(30_000, _ => "[^a]?") + "){10000}", "nodes" },
        { new string('a', 262_145), "characters" },
    };

    [Theory, MemberData(nameof(Patterns))]
    public void Patterns_that_grow_without_bound_are_refused(string pattern, string says) =>
        Assert.Contains(says, Assert.Throws<InvalidRequestException>(() => OutputConstraint.Regex(pattern)).Message);

    public static TheoryData<string, string> Schemas => new()
    {
        { Many(300, _ => "{\"items\":") + "{}" + new string('}', 300), "not JSON" },
        { "{\"description\":\"" + new string('a', 10 << 20) + "\"}", "characters" },
        { "{\"$defs\":{\"a\":{\"allOf\":[{\"$ref\":\"#/$defs/a\"}]}},\"$ref\":\"#/$defs/a\"}", "comes back to itself" },
        { $"{{\"allOf\":[{{\"properties\":{{{string.Join(',', Enumerable.Range(0, 9000).Select(i => $"\"p{i}\":{{}}"))}}}}},{{\"additionalProperties\":false,\"required\":[{string.Join(',', Enumerable.Range(0, 9000).Select(i => $"\"q{i}\""))}]}}]}}", "is required and ruled out" },
    };

    [Theory, MemberData(nameof(Schemas))]
    public void Schemas_that_grow_without_bound_are_refused(string schema, string says) =>
        Assert.Contains(says, Assert.Throws<InvalidRequestException>(() => OutputConstraint.JsonSchema(schema)).Message);

    [Fact]
    public void An_ambiguity_that_explodes_is_refused_when_it_is_met()
    {
        // Twenty rules, each twice the next: a million stacks lead to the same byte.
        string doubling = "root ::= r0\n" + Many(20, i => $"r{i} ::= r{i + 1} r{i + 1} \"b\"?\n") + "r20 ::= \"a\"?";
        TokenAutomaton stacks = Walk.Over(OutputConstraint.Grammar(doubling), Walk.Bytes);
        Assert.Contains("too ambiguous", Assert.Throws<InvalidRequestException>(stacks.Start).Message);

        TokenAutomaton counts = Walk.Over(OutputConstraint.Regex("((a{1,1000}){1,1000}){1,1000}"), Walk.Bytes);
        Assert.Contains("too ambiguous", Assert.Throws<InvalidRequestException>(() => Walk.After(counts, Encoding.UTF8.GetBytes(new string('a', 5000)))).Message);

        TokenAutomaton empties = Walk.Over(OutputConstraint.Regex("(a?b?){5000}"), Walk.Bytes);
        Assert.Contains("too ambiguous", Assert.Throws<InvalidRequestException>(() => empties.Mask(empties.Start(), LeadingSpace.Kept)).Message);
        Assert.Contains("too ambiguous", Assert.Throws<InvalidRequestException>(() => empties.Mask(empties.Start(), LeadingSpace.Kept)).Message);
    }

    [Fact]
    public void A_pattern_that_makes_backtracking_explode_stays_small()
    {
        TokenAutomaton automaton = Walk.Over(OutputConstraint.Regex("(a|aa)+(a*)*b"), Walk.Bytes);
        ConstraintState state = Walk.After(automaton, Encoding.UTF8.GetBytes(new string('a', 5000)));
        Assert.False(state.IsDead);
        Assert.InRange(automaton.StateCount, 1, 20);
    }

    [Fact]
    public void Nesting_ends_at_the_limit_and_not_in_a_dead_end()
    {
        TokenAutomaton automaton = Walk.Over(OutputConstraint.JsonObject(), Walk.Bytes);
        ConstraintState state = Walk.After(automaton, "{\"a\":"u8);
        int depth = 1;
        for (; automaton.Next(state, (byte)'[') is { IsDead: false } deeper; depth++) state = deeper;
        Assert.InRange(depth, 50, 63);
        foreach (byte value in Encoding.UTF8.GetBytes("0" + new string(']', depth - 1) + "}"))
        {
            state = automaton.Next(state, value);
            Assert.False(state.IsDead);
        }
        Assert.True(state.IsComplete);
    }

    [Fact]
    public void Whatever_is_given_only_a_bad_request_comes_back()
    {
        Random random = new(99);
        string[] grammars = ["root ::= \"a\" (b | [c-d]){2,3} # x\nb ::= \"\\x41\"* | root?", "root ::= [^\"\\\\] \"\\n\""];
        string[] patterns = [@"^(?:a|[^b-d\]]{1,3})\d+\.(x|\u0041)*?$", @"(?<n>\w\s?)|\x41{2,}"];
        string[] schemas = [RandomSchema.Make(random), RandomSchema.Make(random), RandomSchema.Make(random), """{"anyOf":[{"$ref":"#/$defs/a~1b"},{"const":"\ud83d\ude00"}],"$defs":{"a/b":{"type":["integer","null"],"minimum":-3}}}"""];
        int made = 0;
        for (int i = 0; i < 3000; i++)
        {
            string[] seeds = (i % 3) switch { 0 => grammars, 1 => patterns, _ => schemas };
            string text = Mutated(seeds[random.Next(seeds.Length)], random);
            try
            {
                OutputConstraint constraint = (i % 3) switch { 0 => OutputConstraint.Grammar(text), 1 => OutputConstraint.Regex(text), _ => OutputConstraint.JsonSchema(text) };
                TokenAutomaton automaton = new(constraint.Automaton, s_trie.Value);
                if (i % 8 == 0) automaton.Mask(automaton.Start(), LeadingSpace.Kept);
                made++;
            }
            catch (InvalidRequestException)
            {
            }
        }
        Assert.True(made > 300, $"{made} could be made");
    }

    private const string Marks = "{}[]()\"\\|*+?^$-,:09a\ud83d\n#.<";

    private static readonly Lazy<TokenTrie> s_trie = new(() => new TokenTrie(Walk.Bytes));

    private static string Mutated(string text, Random random)
    {
        StringBuilder mutated = new(text);
        for (int i = random.Next(4); i >= 0 && mutated.Length > 0; i--)
        {
            int at = random.Next(mutated.Length);
            switch (random.Next(3))
            {
                case 0: mutated.Remove(at, Math.Min(mutated.Length - at, 1 + random.Next(3))); break;
                case 1: mutated.Insert(at, Marks.Substring(random.Next(Marks.Length), 1)); break;
                default: mutated.Insert(at, mutated.ToString(at, Math.Min(mutated.Length - at, random.Next(8)))); break;
            }
        }
        return mutated.ToString();
    }
}
