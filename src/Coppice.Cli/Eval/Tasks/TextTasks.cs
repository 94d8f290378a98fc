using System.CommandLine;
using System.Text;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Scoring;

namespace Coppice.Cli.Eval.Tasks;

/// <summary>Tasks over passages of a text, as the SparQ paper defines them (arXiv 2312.04985, section 5.1).</summary>
internal static class TextTasks
{
    private const int BpcSamples = 100, RepetitionSamples = 100;

    public static EvalTask Bpc()
    {
        Option<string?> text = TaskOptions.Text("The text: a file in UTF-8");
        Option<int?> samples = TaskOptions.Samples(BpcSamples), seed = TaskOptions.Seed();
        Option<int?> context = TaskOptions.Whole("--context-chars", "count", 1, 6000, "Characters given before");
        Option<int?> scored = TaskOptions.Whole("--chars", "count", 1, 400, "Characters scored behind them");
        return new EvalTask("bpc", "Bits per character of a text, given what comes before", """
            Each sample is a passage from a random place of --text: --context-chars characters are given and the --chars behind them are
            scored. Its figure is -log2 of their probability, over their number of characters; less is better. The mean is over
            samples. In the paper: WikiText-103, 6,000 and 400 characters, 500 samples.
            """,
            [text, samples, seed, context, scored],
            (model, parsed) =>
            {
                Prose prose = Prose.Read(TaskOptions.Required(parsed, text, "the text that is scored"));
                Random random = new(parsed.GetValue(seed) ?? 1);
                int before = parsed.GetValue(context) ?? 6000, behind = parsed.GetValue(scored) ?? 400;
                return [.. Enumerable.Range(1, parsed.GetValue(samples) ?? BpcSamples).Select(i => Bits(model, prose, random, i, before, behind))];
            },
            rows => Spread(rows, "bits_per_character", "bits per character", "Bits per character of the passages, least first"),
            ("Of a text of one's own", "coppice eval bpc --text book.txt"),
            ("Shorter, for a model with a short context", "coppice eval bpc --text book.txt --context-chars 2000 --chars 200 --samples 50"));
    }

    public static EvalTask Repetition()
    {
        Option<string?> text = TaskOptions.Text("The text: a file in UTF-8");
        Option<int?> samples = TaskOptions.Samples(RepetitionSamples), seed = TaskOptions.Seed();
        Option<int?> context = TaskOptions.Whole("--context-chars", "count", 1, 6000, "Characters of the passage");
        Option<int?> begun = TaskOptions.Whole("--prompt-chars", "count", 1, 128, "Characters of it that are given again");
        Option<int?> wanted = TaskOptions.Whole("--chars", "count", 1, 256, "Characters that are to follow");
        Option<bool> exact = TaskOptions.ExactQuestion();
        return new EvalTask("repetition", "Go on with a passage that stands in the context", """
            Each sample is a passage of --context-chars characters of --text, a blank line, and --prompt-chars characters from a random
            place of the passage once more. The model is to go on as the passage does; the figure is how many of the next --chars
            characters come out right before the first that does not, white space at the beginning aside. More is better. In the
            paper: Tiny Shakespeare, 6,000, 128 and 256 characters, 1,000 samples; its prompts may end inside a word, these do not.
            """,
            [text, samples, seed, context, begun, wanted, exact],
            (model, parsed) =>
            {
                Prose prose = Prose.Read(TaskOptions.Required(parsed, text, "the text that passages are taken from"));
                Random random = new(parsed.GetValue(seed) ?? 1);
                int length = parsed.GetValue(context) ?? 6000, prompt = parsed.GetValue(begun) ?? 128, reference = parsed.GetValue(wanted) ?? 256;
                if (prompt + reference > length) throw new UsageException($"--prompt-chars and --chars are {prompt + reference} together and --context-chars is {length}; what is to be repeated must be in the context.");
                return [.. Enumerable.Range(1, parsed.GetValue(samples) ?? RepetitionSamples).Select(i =>
                    Repeated(model, prose, random, i, length, prompt, reference, parsed.GetValue(exact)))];
            },
            rows => Spread(rows, "characters", "characters repeated", "Characters repeated of the passages, least first"),
            ("As the paper has it", "coppice eval repetition --text shakespeare.txt --samples 1000"),
            ("For the sample model", "coppice eval repetition --text book.txt --context-chars 1500 --samples 50"));
    }

    /// <summary>A passage whose first characters are given and whose others are scored.</summary>
    public static EvalItem Bits(ITextModel model, Prose prose, Random random, int number, int before, int behind)
    {
        string passage = prose.Passage(random, before + behind);
        string given = passage[..before], rest = passage[before..];
        return new LikelihoodItem($"passage-{number}", TaskOptions.Values(("sample", number - 1)), [ScoredText.Of(whole => model.Encode(whole), model.Encode(given), given, rest)], new ScoreOptions { AsDecode = true }, "",
            results => TaskOptions.Values(("bits_per_character", -results[0].PerCharacter / Math.Log(2))));
    }

    /// <summary>A passage that begins again somewhere in it.</summary>
    public static EvalItem Repeated(ITextModel model, Prose prose, Random random, int number, int length, int prompt, int reference, bool exactQuestion)
    {
        string passage = prose.Passage(random, length);
        // Both ends between words, or the prompt would end in the middle of a token.
        int from = random.Next(length - prompt - reference + 1), to = from + prompt;
        while (from > 0 && !char.IsWhiteSpace(passage[from - 1])) from--;
        while (to > from + 1 && !char.IsWhiteSpace(passage[to])) to--;
        string expected = passage.Substring(to, reference);
        int[] tokens = model.Encode($"{passage}\n\n{passage[from..to]}");
        GenerateOptions greedy = TaskOptions.Greedy(Math.Max(1, Math.Min(reference, model.MaxContextTokens - tokens.Length))) with { IgnoreEndOfText = true, DecodeFrom = exactQuestion ? null : TaskOptions.Beginning(model, tokens, passage) };
        return new AnswerItem($"passage-{number}", TaskOptions.Values(("depth", (double)from / length)), tokens, greedy, expected, "characters", answer => SameCharacters(answer, expected));
    }

    /// <summary>Characters that both begin with, white space at the beginning aside.</summary>
    public static int SameCharacters(string answer, string expected) => answer.AsSpan().TrimStart().CommonPrefixLength(expected.AsSpan().TrimStart());

    /// <summary>The samples by their figure: a flat line is a steady model, a step one that fails altogether now and then.</summary>
    private static string Spread(IReadOnlyList<EvalRow> rows, string figure, string unit, string title)
    {
        double[] sorted = [.. rows.Select(row => row.Values[figure]).Order()];
        Series series = new($"mean {EvalFigure.Of(sorted).Mean:0.###}", [.. sorted.Select((value, i) => ((i + 0.5) / sorted.Length, value))]);
        return new SvgPlot(title, Axis.Linear("share of the samples", [1]), Axis.Linear(unit, sorted), [series]).ToSvg();
    }
}
