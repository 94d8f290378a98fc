using System.CommandLine;
using System.Text.Json;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Scoring;
using Coppice.Loading;

namespace Coppice.Cli.Eval.Tasks;

/// <summary>Tasks over questions that the user brings.</summary>
internal static class DataTasks
{
    public static EvalTask Gsm8k()
    {
        Option<string?> data = new("--data") { HelpName = "path", Description = "Questions, one JSON object a line: {\"question\": ..., \"answer\": \"... #### 18\"}" };
        Option<string?> head = new("--head") { HelpName = "path", Description = "A text in front of every question, such as worked examples. Default: none" };
        Option<int?> limit = Options.Checked.Whole("--limit", "count", 1, int.MaxValue, "Only so many questions, from the first on");
        Option<int?> maxTokens = TaskOptions.Whole("--max-tokens", "tokens", 1, 400, "Most tokens of an answer");
        return new EvalTask("gsm8k", "Word problems with a number for an answer", """
            A prompt is the head, if there is one, and "Q: {question}\nA:". The answer is taken greedily up to a next "Q:" or a blank line;
            its last number counts (after "The answer is" or "####" if they are there, commas and a currency sign aside), and it is right if
            it equals the number behind #### in the data. The plot shows the share right by the number of steps in the data's own solution.
            """,
            [data, head, limit, maxTokens],
            (model, parsed) =>
            {
                string path = TaskOptions.Required(parsed, data, "the questions");
                string front = parsed.GetValue(head) is { } file ? SmallFile.ReadText(file).TrimEnd() + "\n\n" : "";
                int tokensLeft = parsed.GetValue(maxTokens) ?? 400;
                List<EvalItem> items = [];
                foreach ((int number, JsonElement line) in Lines(path, parsed.GetValue(limit)))
                {
                    string question = Text(path, number, line, "question"), solution = Text(path, number, line, "answer");
                    if (!FinalNumber.TryRead(solution, out decimal expected)) throw new UsageException($"{path} line {number}: the answer has no number.");
                    int[] prompt = model.Encode($"{front}Q: {question}\nA:");
                    int steps = Math.Max(1, solution.Split('\n').Count(step => step.Trim().Length > 0 && !step.TrimStart().StartsWith("####", StringComparison.Ordinal)));
                    items.Add(new AnswerItem($"line-{number}", TaskOptions.Values(("steps", steps)), prompt,
                        TaskOptions.Greedy(Math.Clamp(model.MaxContextTokens - prompt.Length, 1, tokensLeft), "Q:", "\n\n"), expected.ToString(System.Globalization.CultureInfo.InvariantCulture), "right",
                        answer => FinalNumber.TryRead(answer, out decimal given) && given == expected ? 1 : 0));
                }
                return items;
            },
            rows => new SvgPlot("Word problems solved", Axis.Linear("steps of the solution", rows.Select(row => row.Place["steps"])), Axis.Linear("share right", [1]),
                [new Series("right", [.. rows.GroupBy(row => row.Place["steps"]).OrderBy(group => group.Key).Select(group => (group.Key, group.Average(row => row.Values["right"])))])]).ToSvg(),
            ("Without examples", "coppice eval gsm8k --data gsm8k-test.jsonl --model ./my-model"),
            ("Behind worked examples", "coppice eval gsm8k --data gsm8k-test.jsonl --head eight-examples.txt --model ./my-model"));
    }

    public static EvalTask MultipleChoice()
    {
        Option<string?> data = new("--data") { HelpName = "path", Description = "Questions in the form of coppice score, each with an answer" };
        Option<int?> limit = Options.Checked.Whole("--limit", "count", 1, int.MaxValue, "Only so many questions, from the first on");
        return new EvalTask("multiple-choice", "The likeliest of several continuations, by four ways to compare them", """
            A line is {"prompt": "...", "continuations": ["...", "..."], "answer": 0}, as for coppice score. The figures are the shares of lines
            whose right continuation has the highest log probability: as it is (sum; "acc" of evaluation suites), per token (mean), per
            byte, and per character ("acc_norm").
            """,
            [data, limit],
            (model, parsed) =>
            {
                string path = TaskOptions.Required(parsed, data, "the questions");
                using FileStream file = File.OpenRead(path);
                List<BatchLine> lines = BatchFile.ReadAsync(file, new LineParser(ScoreLine.Read, "id", "custom_id"), CancellationToken.None).GetAwaiter().GetResult();
                return [.. lines.Take(parsed.GetValue(limit) ?? int.MaxValue).Select(line => line is ScoreLine { Answer: int answer } one
                    ? Choice(model, one, answer)
                    : throw new UsageException($"{path} line {line.Number}: {(line is BadLine bad ? bad.Error.Message : "there is no answer; every line needs the index of its right continuation.")}"))];
            },
            rows => new SvgPlot("Right continuations", Axis.Names("compared by", [.. Ranking.All.Select(ranking => ranking.Name)]), Axis.Linear("share right", [1]),
                [new Series("right", [.. Ranking.All.Select((ranking, i) => ((double)i, rows.Average(row => row.Values[ranking.Name])))])]).ToSvg(),
            ("Questions of one's own", "coppice eval multiple-choice --data questions.jsonl"));
    }

    private static LikelihoodItem Choice(ITextModel model, ScoreLine line, int answer)
    {
        int[] prompt = model.Encode(line.Prompt);
        return new LikelihoodItem(line.CustomId, TaskOptions.Values(("continuations", line.Continuations.Count)),
            [.. line.Continuations.Select(continuation => ScoredText.Of(whole => model.Encode(whole), prompt, line.Prompt, continuation))],
            new ScoreOptions { CacheSalt = line.CacheSalt, AsDecode = true }, line.Continuations[answer],
            scored => Ranking.All.ToDictionary(ranking => ranking.Name, ranking => ranking.Best(scored) == answer ? 1.0 : 0, StringComparer.Ordinal));
    }

    private static IEnumerable<(int Number, JsonElement Line)> Lines(string path, int? limit)
    {
        int number = 0, taken = 0;
        foreach (string line in SmallFile.ReadText(path, SmallFile.LargestData).Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            if (taken++ == limit) yield break;
            JsonElement element;
            try
            {
                element = JsonElement.Parse(line);
            }
            catch (JsonException e)
            {
                throw new UsageException($"{path} line {number} is not JSON: {e.Message}");
            }
            yield return (number, element);
        }
    }

    private static string Text(string path, int number, JsonElement line, string field)
    {
        if (line.ValueKind != JsonValueKind.Object || !line.TryGetProperty(field, out JsonElement value)) throw new UsageException($"{path} line {number}: the field {field} is missing; it is a text.");
        try
        {
            return new JsonField(field, value).Text();
        }
        catch (InvalidRequestException e)
        {
            throw new UsageException($"{path} line {number}: {e.Message}");
        }
    }
}
