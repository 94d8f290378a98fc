using System.CommandLine;
using System.Globalization;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Bench.Reports;

namespace Coppice.Cli.Eval.Tasks;

/// <summary>Tasks that ask for facts hidden in a long document.</summary>
internal static class DocumentTasks
{
    private const int AnswerTokens = 12, DepthBins = 10;

    public static EvalTask Needle()
    {
        Option<string?> text = TaskOptions.Text("Prose around the fact: a file in UTF-8. Default: some plain sentences, again and again");
        Option<int[]> lengths = TaskOptions.Wholes("--lengths", "tokens", 32, [256, 512, 1024, 2048], "Lengths of the prompt");
        Option<int?> depths = TaskOptions.Whole("--depths", "count", 2, 9, "Depths from the beginning to the end");
        Option<int?> samples = TaskOptions.Samples(5), seed = TaskOptions.Seed();
        Option<bool> exact = TaskOptions.ExactQuestion();
        return new EvalTask("needle", "One fact at a depth of a long document: a map of lengths and depths", """
            Each sample is a document with one sentence of the form "The code for Cairo is 042." at a depth, 0 for its beginning and 1
            for its end, and the question for the code behind it. The greedy answer is right if it begins with the code. --samples is
            for each length and depth. Lengths count the whole prompt.
            """,
            [text, lengths, depths, samples, seed, exact],
            (model, parsed) =>
            {
                Prose prose = Prose.Read(parsed.GetValue(text));
                Random random = new(parsed.GetValue(seed) ?? 1);
                int levels = parsed.GetValue(depths) ?? 9, count = parsed.GetValue(samples) ?? 5;
                List<EvalItem> items = [];
                foreach (int length in parsed.GetValue(lengths)!)
                {
                    CheckLength(model, "--lengths", length);
                    for (int level = 0; level < levels; level++)
                    {
                        double depth = (double)level / (levels - 1);
                        for (int i = 0; i < count; i++)
                            items.Add(Needle(model, prose, random, length, depth, $"tokens-{length}-depth-{depth.ToString("0.00", CultureInfo.InvariantCulture)}-{i + 1}", parsed.GetValue(exact)));
                    }
                }
                return items;
            },
            Map,
            ("On the sample model", "coppice eval needle"),
            ("With prose of one's own, at lengths of one's own", "coppice eval needle --model ./my-model --text book.txt --lengths 4096,8192,16384 --depths 11"));
    }

    public static EvalTask DocumentQa()
    {
        Option<string?> text = TaskOptions.Text("Prose around the facts: a file in UTF-8. Default: some plain sentences, again and again");
        Option<int?> length = TaskOptions.Whole("--length", "tokens", 64, 1500, "Tokens of the document");
        Option<int?> facts = TaskOptions.Whole("--facts", "count", 1, 32, "Facts in it");
        Option<int?> questions = Options.Checked.Whole("--questions", "count", 1, 65_536, "Questions about each document; beyond the facts they come again. Default: one for each fact");
        Option<bool> codes = new("--codes") { Description = $"Only codes, at most {Fact.MostCodes} in a document: answers of several tokens, of which all but the first are decoded" };
        Option<int?> documents = TaskOptions.Whole("--documents", "count", 1, 1, "Documents");
        Option<int?> seed = TaskOptions.Seed();
        Option<bool> exact = TaskOptions.ExactQuestion();
        return new EvalTask("document-qa", "Many questions about one document with facts all over it", """
            As Hydragen's experiment (arXiv 2402.05099, section 4.3): a document with facts scattered among its sentences, such as "The dog
            named Rex has fur that is brown.", and questions behind it, each a request of its own. All requests share the document.
            The greedy answer is right if it begins with the fact's; the plot shows the share by the fact's depth in the document.
            """,
            [text, length, facts, codes, questions, documents, seed, exact],
            (model, parsed) =>
            {
                Prose prose = Prose.Read(parsed.GetValue(text));
                Random random = new(parsed.GetValue(seed) ?? 1);
                int count = parsed.GetValue(facts) ?? 32, asked = parsed.GetValue(questions) ?? count;
                bool onlyCodes = parsed.GetValue(codes);
                if (onlyCodes && count > Fact.MostCodes) throw new UsageException($"--facts is {count} and --codes has {Fact.MostCodes}. Give no more than {Fact.MostCodes}.");
                List<EvalItem> items = [];
                for (int d = 1; d <= (parsed.GetValue(documents) ?? 1); d++)
                    items.AddRange(Questions(model, prose, random, d, parsed.GetValue(length) ?? 1500, onlyCodes ? Fact.Codes(random, count) : Fact.Many(random, count), asked, parsed.GetValue(exact)));
                return items;
            },
            ByDepth,
            ("On the sample model", "coppice eval document-qa"),
            ("1,024 questions about one long document", "coppice eval document-qa --model ./my-model --text war_and_peace.txt --length 16000 --facts 256 --questions 1024"));
    }

    /// <exception cref="UsageException">The model takes fewer tokens than the option says.</exception>
    public static void CheckLength(ITextModel model, string option, int length)
    {
        if (length + AnswerTokens > model.MaxContextTokens) throw new UsageException($"{option} has {length} and the model takes {model.MaxContextTokens} tokens, {AnswerTokens} for the answer included.");
    }

    /// <summary>A document with one fact at a depth, and the question for it; so many tokens together.</summary>
    public static EvalItem Needle(ITextModel model, Prose prose, Random random, int length, double depth, string name, bool exactQuestion)
    {
        Fact fact = Fact.Code(random);
        int asked = model.Encode(fact.Asked).Length - model.Encode("").Length;
        string document = FactDocument.Write(model, prose, random, [(depth, fact)], length - asked);
        return Question(model, name, TaskOptions.Values(("tokens", length), ("depth", depth)), document, fact, exactQuestion);
    }

    /// <summary>Questions about one document of so many tokens with facts all over it.</summary>
    public static IEnumerable<EvalItem> Questions(ITextModel model, Prose prose, Random random, int number, int length, IEnumerable<Fact> facts, int questions, bool exactQuestion)
    {
        List<(double Depth, Fact Fact)> placed = [.. facts.Select(fact => (random.NextDouble(), fact))];
        string document = FactDocument.Write(model, prose, random, placed, length);
        for (int q = 0; q < questions; q++)
        {
            (double depth, Fact fact) = placed[q % placed.Count];
            yield return Question(model, $"document-{number}-question-{q + 1}", TaskOptions.Values(("document", number), ("depth", depth)), document, fact, exactQuestion);
        }
    }

    private static AnswerItem Question(ITextModel model, string name, Dictionary<string, double> place, string document, Fact fact, bool exactQuestion)
    {
        int[] prompt = model.Encode(document + fact.Asked);
        GenerateOptions greedy = TaskOptions.Greedy(AnswerTokens, "\n") with { DecodeFrom = exactQuestion ? null : TaskOptions.Beginning(model, prompt, document) };
        return new AnswerItem(name, place, prompt, greedy, fact.Answer, "right", answer => Answers.IsRight(answer, [fact.Answer]) ? 1 : 0);
    }

    private static string Map(IReadOnlyList<EvalRow> rows)
    {
        double[] lengths = [.. rows.Select(row => row.Place["tokens"]).Distinct().Order()], depths = [.. rows.Select(row => row.Place["depth"]).Distinct().Order()];
        return new SvgHeatMap("Share of facts found", "tokens of the prompt", [.. lengths.Select(length => length.ToString("0", CultureInfo.InvariantCulture))],
            "depth of the fact", [.. depths.Select(depth => depth.ToString("0.00", CultureInfo.InvariantCulture))],
            (column, row) => Mean(rows.Where(one => one.Place["tokens"].Equals(lengths[column]) && one.Place["depth"].Equals(depths[row])))).ToSvg();
    }

    private static string ByDepth(IReadOnlyList<EvalRow> rows)
    {
        var bins = rows.GroupBy(row => Math.Min(DepthBins - 1, (int)(row.Place["depth"] * DepthBins))).OrderBy(bin => bin.Key);
        Series series = new($"all: {Mean(rows):0.##}", [.. bins.Select(bin => ((bin.Key + 0.5) / DepthBins, Mean(bin)))]);
        return new SvgPlot("Questions answered right", Axis.Linear("depth of the fact in the document", [1]), Axis.Linear("share right", [1]), [series]).ToSvg();
    }

    private static double Mean(IEnumerable<EvalRow> rows) => rows.Select(row => row.Values["right"]).DefaultIfEmpty(double.NaN).Average();
}
