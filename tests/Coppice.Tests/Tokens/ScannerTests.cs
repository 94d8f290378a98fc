using Coppice.Tokens;

namespace Coppice.Tests.Tokens;

public sealed class ScannerTests
{
    [Fact]
    public void Scanners_split_as_the_regular_expressions_they_stand_for()
    {
        (PreTokenizer Scanner, PreTokenizer Regex)[] pairs =
        [
            (new RunSplit("$+<=>^~|`"), RegexSplit.Create("f", @"[\p{P}\$\+<=>\^~\|`]+", SplitBehavior.Isolated)),
            (new RunSplit("$+<=>^`|~"), RegexSplit.Create("f", @"[!-/:-@\[-`{-~\p{P}]", SplitBehavior.Contiguous)),
            (new ThreeDigits(), RegexSplit.Create("f", ThreeDigits.Pattern, SplitBehavior.Isolated)),
        ];
        Random random = new(9);
        WordList words = new();
        for (int i = 0; i < 3000; i++)
        {
            string text = RandomText.Next(random, 20) + random.Next(1_000_000) + "$%12-345 6789" + random.Next(1000);
            foreach ((PreTokenizer scanner, PreTokenizer regex) in pairs) Assert.Equal(Split(regex, text), Split(scanner, text));
        }

        List<(int, int)> Split(PreTokenizer step, string text)
        {
            words.Begin(text.AsMemory(), beginsText: true);
            step.Run(words);
            return [.. words.Words];
        }
    }
}
