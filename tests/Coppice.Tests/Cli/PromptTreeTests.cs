using Coppice.Cli.BatchFiles;
using Coppice.Cli.Inspecting;
using FsCheck;
using FsCheck.Fluent;

namespace Coppice.Tests.Cli;

public sealed class PromptTreeTests
{
    private static readonly Arbitrary<TreePrompt[]> s_prompts =
        (from tokens in Gen.Choose(0, 2).ArrayOf()
         from rows in Gen.Choose(1, 4)
         from salt in Gen.Frequency((5, Gen.Constant<string?>(null)), (1, Gen.Constant<string?>("s")), (1, Gen.Constant<string?>("")))
         select new TreePrompt(tokens, rows, salt)).ArrayOf().ToArbitrary();

    [Fact]
    public void Neighbours_in_order_share_all_that_can_be_shared() => Prop.ForAll(s_prompts, prompts =>
    {
        PromptTree tree = new();
        for (int i = 0; i < prompts.Length; i++) tree.Add(i, prompts[i].Tokens, prompts[i].Salt);
        List<int> order = tree.Order();
        // In depth-first order, a prompt's longest common prefix with any earlier one is the one with its neighbour.
        bool isDepthFirst = order.Index().Skip(1).All(at => order.Take(at.Index).Max(e => Common(prompts[e], prompts[at.Item])) == Common(prompts[order[at.Index - 1]], prompts[at.Item]));
        return isDepthFirst && order.Order().SequenceEqual(Enumerable.Range(0, prompts.Length));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void What_is_predicted_is_what_a_prefix_cache_would_do() => Prop.ForAll(s_prompts, prompts =>
    {
        TreeReport report = new(prompts, _ => "");
        // Every prompt computes what no earlier one has, and its last token in any case.
        long computed = 0;
        PromptTree tree = new();
        for (int i = 0; i < prompts.Length; i++) tree.Add(i, prompts[i].Tokens, prompts[i].Salt);
        List<int> order = tree.Order();
        for (int i = 0; i < order.Count; i++)
        {
            int found = order.Take(i).Select(e => Common(prompts[e], prompts[order[i]])).DefaultIfEmpty(0).Max();
            computed += Math.Max(prompts[order[i]].Tokens.Length - found, i > 0 && found == prompts[order[i]].Tokens.Length && IsSame(order, i) ? 1 : 0);
        }
        bool IsSame(List<int> all, int at) => all.Take(at).Any(e => prompts[e].Salt == prompts[all[at]].Salt && prompts[e].Tokens.AsSpan().SequenceEqual(prompts[all[at]].Tokens));
        return report.ComputedTokens() == computed;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_step_reads_each_node_once_for_the_rows_of_a_batch()
    {
        TreeReport report = new([new([1, 2, 3, 4], 2, null), new([1, 2, 5], 1, null), new([9], 1, null)], _ => "");
        Assert.Equal((12.0, 6.0), report.TokensReadPerStep(maxBatch: 8));
        Assert.Equal((6.0, 4.0), report.TokensReadPerStep(maxBatch: 2));   // [1 2 3 4] twice; then [1 2 5] and [9]
        Assert.Equal((3.0, 3.0), report.TokensReadPerStep(maxBatch: 1));
    }

    [Fact]
    public void The_drawing_shows_tokens_rows_and_text()
    {
        TreeReport report = new([new([1, 2, 3], 2, null), new([1, 2], 1, null), new([1, 2, 4, 5], 1, null)], tokens => string.Join("", tokens) + "\n");
        StringWriter text = new() { NewLine = "\n" };
        report.Draw(text);
        Assert.Equal("""
            3 prompts, 4 rows, 9 tokens
            └─ 2 tokens x 4 rows, 1 prompt ends here  "12\n"
               ├─ 1 token x 2 rows  "3\n"
               └─ 2 tokens x 1 row  "45\n"

            """, text.ToString());
    }

    [Fact]
    public void Many_siblings_and_deep_chains_are_cut_short()
    {
        List<TreePrompt> prompts = [.. Enumerable.Range(0, 100).Select(i => new TreePrompt([i, 1], 1, null)), .. Enumerable.Range(1, 3000).Select(i => new TreePrompt([.. Enumerable.Repeat(0, i)], 1, null))];
        TreeReport report = new(prompts, _ => new string('x', 100));
        StringWriter text = new();
        report.Draw(text);
        string[] lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.InRange(lines.Length, 10, 60);
        Assert.Contains("└─ ... 95 more, 190 tokens, 95 rows", text.ToString(), StringComparison.Ordinal);
        Assert.Contains(lines, line => line.EndsWith(" tokens below", StringComparison.Ordinal));
    }

    private static int Common(TreePrompt a, TreePrompt b) => a.Salt != b.Salt ? 0 : a.Tokens.AsSpan().CommonPrefixLength(b.Tokens);
}
