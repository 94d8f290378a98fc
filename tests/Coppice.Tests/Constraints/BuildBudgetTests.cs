using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

public sealed class BuildBudgetTests
{
    private static string Many(int count, Func<int, string> part) => string.Concat(Enumerable.Range(0, count).Select(part));

    [Fact]
    public void What_is_over_is_refused_and_named()
    {
        Assert.Contains("more than 10 nodes", Assert.Throws<InvalidRequestException>(() => new BuildBudget { MaxNodes = 10 }.Nodes(11)).Message);
        Assert.Contains("more than 1 MiB", Assert.Throws<InvalidRequestException>(() => new BuildBudget { MaxBytes = 1 << 20 }.Bytes((1 << 20) + 1)).Message);
        Assert.Contains("more than 5000 steps", Assert.Throws<InvalidRequestException>(() => new BuildBudget { MaxSteps = 5000 }.Steps(6000)).Message);
        Assert.Contains("more than 0 s", Assert.Throws<InvalidRequestException>(() => new BuildBudget { MaxTime = TimeSpan.Zero }.Steps(6000)).Message);
        BuildBudget within = new() { MaxNodes = 10 };
        for (int i = 0; i < 10; i++) within.Nodes(1);
        Assert.Equal(10, within.NodesUsed);
        Assert.Throws<InvalidRequestException>(() => within.Nodes(1));
    }

    // Each is refused by a count, so on every machine, and long before the memory or the time that it would take without.
    public static TheoryData<string, string> Patterns => new()
    {
        { new string('.', 250_000), "nodes" },
        { @"\b" + new string('.', 250_000), "nodes" },
        { Many(130_000, _ => "a?"), "nodes" },
        { Many(40_000, _ => "(a|b)*"), "nodes" },
        { @"^(a|b)*a(a|b){30}\b", "MiB" },
        { Many(60, i => $"(?=.*{(char)('a' + (i % 26))}.{{{i}}}x)") + ".*", "MiB" },
        { Many(90, _ => "(?=.*a") + new string(')', 90) + ".*", "steps" },
        { "(?:(?!" + Many(200, i => $"a.{{{i}}}b|") + "c).)*", "steps" },
        { Many(40, i => $"(?<=a.{{{i}}})b?"), "MiB" },
        { "((((a?|){100000}){100000}){100000})\\b", "nodes" },
        { @"((((^|$){1000000}){1000000}){1000000})b", "nodes" },
        { "(((((?:)(?:)){1000000}){1000000}){1000000})\\b", "steps" },
        { Many(20_000, i => $"[^{(char)(0x4E00 + i)}]"), "nodes" },
    };

    [Theory, MemberData(nameof(Patterns))]
    public void Patterns_that_grow_are_refused_by_counts(string pattern, string says)
    {
        BuildBudget untimed = new() { MaxTime = Timeout.InfiniteTimeSpan };
        string message = Assert.Throws<InvalidRequestException>(() =>
            AutomatonBuilder.Build([("root", TextLanguage.FromWholePattern(pattern, "The pattern", untimed).ToExpr(set => new CharsExpr(set), untimed))], untimed)).Message;
        Assert.Matches($"takes more than [0-9]+ {says} to build", message);
    }

    [Fact]
    public void Building_ends_when_it_is_cancelled()
    {
        CancellationToken cancelled = new(canceled: true);
        string text = Many(9000, i => $"w{i}|");
        Assert.ThrowsAny<OperationCanceledException>(() => OutputConstraint.Regex(text + "1", cancelled));
        Assert.ThrowsAny<OperationCanceledException>(() => OutputConstraint.Regex($"\\b({text}2)\\b", cancelled));
        Assert.ThrowsAny<OperationCanceledException>(() => OutputConstraint.Grammar("root ::= " + Many(9000, i => $"\"w{i}\"|") + "\"\"", cancelled));
    }

    [Fact]
    public void Equal_texts_share_one_automaton()
    {
        OutputConstraint[] made = new OutputConstraint[8];
        Parallel.For(0, made.Length, i => made[i] = OutputConstraint.Regex("shared [a-z]{2,30}"));
        Assert.All(made, constraint => Assert.Same(made[0], constraint));
        Assert.NotSame(made[0].Automaton, OutputConstraint.Grammar("root ::= \"shared\"").Automaton);
    }

    [Fact]
    public void Constraints_made_lately_are_kept_up_to_a_size()
    {
        BuiltConstraints kept = new(maxNodes: 800);
        int made = 0;
        OutputConstraint Get(string pattern) => kept.Get("regex", pattern, () =>
        {
            made++;
            return OutputConstraint.Regex(pattern);
        });
        Get("a{100}");
        Get("b{100}");
        Get("a{100}");
        Assert.Equal(2, made);
        Get("c{100}");      // each takes some 300: b goes, which was longest unused
        Get("a{100}");
        Assert.Equal(3, made);
        Get("b{100}");
        Assert.Equal(4, made);
        Get("d{900}");      // the only one is kept whatever it takes
        Get("d{900}");
        Assert.Equal(5, made);
    }

    [Fact]
    public void What_a_mask_may_take_does_not_depend_on_what_is_known()
    {
        OutputConstraint constraint = OutputConstraint.Regex("(?:.*[a-e].{40})");
        byte[] text = "abcdeabcdeabcdeabcde"u8.ToArray();
        TokenTrie trie = new(Walk.Bytes);
        bool Fits(int work, bool warm)
        {
            TokenAutomaton automaton = new(constraint.Automaton, trie);
            if (warm)
            {
                // Masks before and after the place are made, but not at it.
                automaton.Mask(Walk.After(automaton, text.AsSpan(0, 12)), LeadingSpace.Kept);
                automaton.Mask(Walk.After(automaton, [.. text, .. "abc"u8]), LeadingSpace.Kept);
            }
            automaton.MaxMaskWork = work;
            return Record.Exception(() => automaton.Mask(Walk.After(automaton, text), LeadingSpace.Kept)) is null;
        }
        int low = 0, high = ConstraintLimits.MaskWork;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (Fits(middle, warm: false)) high = middle;
            else low = middle;
        }
        Assert.InRange(high, 100, ConstraintLimits.MaskWork - 1);
        Assert.True(Fits(high, warm: true));
        Assert.False(Fits(low, warm: true));
    }
}
