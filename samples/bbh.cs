// Lines for `coppice score` from the 27 sets of BIG-Bench Hard (github.com/suzgunmirac/BIG-Bench-Hard, MIT):
//     dotnet run samples/bbh.cs -- FOLDER [LIMIT] > bbh.jsonl
// FOLDER holds bbh/SET.json and cot-prompts/SET.txt; LIMIT is the most questions of a set. Behind a set's three worked examples, without
// their reasoning, stands a question, and its continuations are all answers that occur in the set; where they are too many, the right one.
#:property PublishAot=false
#:property RestorePackagesWithLockFile=false
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

if (args.Length == 0)
{
    Console.Error.WriteLine("usage: dotnet run samples/bbh.cs -- FOLDER [LIMIT] > bbh.jsonl");
    return 2;
}

const int MostContinuations = 20;
string folder = args[0];
int limit = args.Length > 1 ? int.Parse(args[1]) : int.MaxValue;
JsonSerializerOptions format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
using StreamWriter output = new(Console.OpenStandardOutput()) { NewLine = "\n" };
foreach (string file in Directory.GetFiles(Path.Combine(folder, "bbh"), "*.json").Order(StringComparer.Ordinal))
{
    string set = Path.GetFileNameWithoutExtension(file);
    // Before the dashes stands a warning for those who gather training data.
    string worked = File.ReadAllText(Path.Combine(folder, "cot-prompts", set + ".txt")).Split("-----\n")[1].Trim();
    string head = Regex.Replace(worked, @"\nA: Let's think step by step\..*?(?:So the answer is|the answer is) (?<answer>[^\n]*?)\.?(?=\n\nQ: |\z)", "\nA: ${answer}", RegexOptions.Singleline | RegexOptions.ExplicitCapture);
    JsonArray examples = JsonNode.Parse(File.ReadAllText(file))!["examples"]!.AsArray();
    string[] targets = [.. examples.Select(example => (string)example!["target"]!).Distinct().Order(StringComparer.Ordinal)];
    int number = 0;
    foreach (JsonNode? example in examples.Take(limit))
    {
        string target = (string)example!["target"]!;
        string[] answers = targets.Length <= MostContinuations ? targets : [target];
        output.WriteLine(new JsonObject
        {
            ["id"] = $"{set}-{++number}",
            ["prompt"] = $"{head}\n\nQ: {(string)example["input"]!}\nA:",
            ["continuations"] = new JsonArray([.. answers.Select(answer => JsonValue.Create(" " + answer))]),
            ["answer"] = Array.IndexOf(answers, target),
        }.ToJsonString(format));
    }
}

return 0;
