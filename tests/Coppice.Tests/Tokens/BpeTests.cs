using System.Text.RegularExpressions;
using Coppice.Tokens;

namespace Coppice.Tests.Tokens;

public sealed class BpeTests
{
    [Fact]
    public void Merging_by_heap_gives_what_merging_by_definition_gives()
    {
        Random random = new(3);
        for (int round = 0; round < 300; round++)
        {
            // Ids below 4 are units; several pairs may share a rank.
            MergeTable merges = new(30);
            Dictionary<(int, int), (int Rank, int Merged)> definition = [];
            for (int i = 0; i < 30; i++)
            {
                (int, int) pair = (random.Next(12), random.Next(12));
                (int Rank, int Merged) merge = (random.Next(10), random.Next(4, 12));
                Assert.Equal(definition.TryAdd(pair, merge), merges.TryAdd(pair.Item1, pair.Item2, merge.Rank, merge.Merged));
            }
            int[] units = [.. Enumerable.Range(0, random.Next(1, 50)).Select(_ => random.Next(-1, 4))];
            SymbolMerger merger = new();
            units.CopyTo(merger.Begin(units.Length));
            merger.Merge(merges, units.Length);
            List<int> merged = [];
            for (int symbol = 0; symbol >= 0; symbol = merger.Next(symbol)) merged.Add(merger.Id(symbol));
            Assert.Equal(ByDefinition(units, definition), merged);
        }
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    [InlineData("qwen2")]
    public void A_familys_scanner_gives_the_words_of_its_regular_expression(string name)
    {
        FamilyPattern scanner = name switch { "gpt2" => FamilyPattern.Gpt2, "llama3" => FamilyPattern.Llama3, _ => FamilyPattern.Qwen2 };
        RegexSplit regex = RegexSplit.Create("file", scanner.Text, SplitBehavior.Isolated);
        Assert.Same(scanner, FamilyPattern.Find(scanner.Text));
        Random random = new(5);
        WordList scanned = new(), matched = new();
        for (int round = 0; round < 5000; round++)
        {
            string text = RandomText.Next(random, 20);
            scanned.Begin(text.AsMemory(), beginsText: true);
            scanner.Run(scanned);
            matched.Begin(text.AsMemory(), beginsText: true);
            regex.Run(matched);
            Assert.Equal(matched.Words, scanned.Words);
        }
    }

    [Theory]
    [InlineData(nameof(SplitBehavior.Removed), "the|final|countdown")]
    [InlineData(nameof(SplitBehavior.Isolated), "the|-|final|-|-|countdown")]
    [InlineData(nameof(SplitBehavior.MergedWithPrevious), "the-|final-|-|countdown")]
    [InlineData(nameof(SplitBehavior.MergedWithNext), "the|-final|-|-countdown")]
    [InlineData(nameof(SplitBehavior.Contiguous), "the|-|final|--|countdown")]
    public void A_split_does_with_its_matches_what_its_behaviour_says(string behavior, string expected)
    {
        const string Text = "the-final--countdown";
        WordList words = new();
        words.Begin(Text.AsMemory(), beginsText: true);
        RegexSplit.Create("file", Regex.Escape("-"), Enum.Parse<SplitBehavior>(behavior)).Run(words);
        Assert.Equal(expected, string.Join('|', words.Words.Select(w => Text[w.Start..w.End])));
    }

    [Fact]
    public void An_inverted_split_swaps_matches_and_what_lies_between()
    {
        const string Text = "ab--cd";
        WordList words = new();
        words.Begin(Text.AsMemory(), beginsText: true);
        RegexSplit.Create("file", "[a-z]+", SplitBehavior.Removed, matched: false).Run(words);
        Assert.Equal([(0, 2), (4, 6)], words.Words);
    }

    [Fact]
    public void A_pattern_that_would_take_all_time_or_memory_is_refused()
    {
        Assert.Throws<ModelFormatException>(() => RegexSplit.Create("file", "(((((((((x?){9}){9}){9}){9}){9}){9}){9}){9}){9}(?!y)", SplitBehavior.Isolated));
        RegexSplit slow = RegexSplit.Create("file", "(a|aa)+(?=b)", SplitBehavior.Isolated);
        WordList words = new();
        words.Begin(new string('a', 200).AsMemory(), beginsText: true);
        Assert.Throws<ModelFormatException>(() => slow.Run(words));
    }

    [Fact]
    public void A_words_tokens_are_the_same_when_it_is_met_again()
    {
        WordCache cache = new();
        Random random = new(1);
        Dictionary<string, int[]> truth = [];
        for (int i = 0; i < 300_000; i++)
        {
            string word = random.Next(50_000).ToString("x") + (random.Next(4) == 0 ? "ß" : "");
            if (cache.TryFind(word, out ReadOnlySpan<int> ids))
            {
                Assert.True(ids.SequenceEqual(truth[word]));
                continue;
            }
            truth.TryAdd(word, [word.Length, word.GetHashCode(StringComparison.Ordinal)]);
            cache.Add(word, truth[word]);
        }
    }

    private static List<int> ByDefinition(int[] units, Dictionary<(int, int), (int Rank, int Merged)> merges)
    {
        List<int> symbols = [.. units];
        while (true)
        {
            int best = -1;
            for (int i = 0; i + 1 < symbols.Count; i++)
                if (merges.TryGetValue((symbols[i], symbols[i + 1]), out (int Rank, int) merge) && (best < 0 || merge.Rank < merges[(symbols[best], symbols[best + 1])].Rank))
                    best = i;
            if (best < 0) return symbols;
            symbols[best] = merges[(symbols[best], symbols[best + 1])].Merged;
            symbols.RemoveAt(best + 1);
        }
    }
}
