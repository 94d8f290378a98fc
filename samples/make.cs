// Writes the sample files anew, the same bytes every time:   dotnet run samples/make.cs [war_and_peace.txt]
// The facts have the forms that the sample model knows (models/sample/README.md); the prose around them is War and Peace.
#:property PublishAot=false
#:property RestorePackagesWithLockFile=false
using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

string folder = Folder();
string book = args.Length > 0 ? args[0] : Path.Combine(folder, "..", "..", "shared", "testdata", "prompts", "war_and_peace.txt");
string flat = Regex.Replace(File.ReadAllText(book), @"\s+", " ");
string[] sentences = [.. Regex.Split(flat, @"(?<=[.!?])\s+").Where(s => s.Length is >= 20 and <= 90 && s.All(c => c is >= ' ' and <= '~') && !s.Contains('"') && char.IsUpper(s[0]) && s.EndsWith('.'))];

string[] colors = Words("red blue green black white brown grey golden silver purple orange pink");
string[] cities = Words("Paris London Rome Vienna Madrid Lisbon Dublin Oslo Athens Warsaw Prague Cairo Tokyo Lima Quito Delhi Kyiv Geneva Boston Denver");
string[] names = Words("Ada Alan Amy Anna Ben Bella Bruno Carl Cora Dan Daisy Eli Ella Emma Felix Finn Flora Gina Hugo Ida Ivan Jack Jane Jonas Kate Karl Lena Leo Lily Lucy Luna Mara Max Mia Milo Nina Noah Nora Olga Oscar Otto Paul Pia Rex Rosa Ruby Sam Sara Theo Tina Toby Uma Vera Viktor Willa Yuri Zara Zoe");
string[] items = Words("apple bread river stone cloud horse table lamp ship garden letter window mountain forest bridge clock candle mirror piano ladder basket feather hammer kettle needle pocket ribbon saddle tunnel violin wagon anchor button carpet drum");
string[] jobs = Words("baker doctor farmer painter sailor singer soldier tailor teacher writer miner pilot cook judge nurse");

Write("one-document-many-questions.jsonl", OneDocument(new Random(1)));
Write("one-document-long-answers.jsonl", LongAnswers());
Write("few-shot-documents-questions-samples.jsonl", FewShot(new Random(2)));
Write("mixed.jsonl", Mixed(new Random(3)));

// One document, 64 questions about it: 20 codes, and dogs, houses and trades.
IEnumerable<JsonObject> OneDocument(Random random)
{
    List<Fact> facts = [.. Pick(random, cities, 20).Select(city => Code(random, city)), .. Others(random, 44)];
    string document = Document(random, facts, prose: 12);
    int number = 0;
    foreach (Fact fact in Shuffled(random, facts))
        yield return new JsonObject { ["custom_id"] = $"question-{++number:00}", ["prompt"] = document + Ask(fact), ["max_tokens"] = 12, ["temperature"] = 0, ["expected"] = fact.Answer };
}

// The same prompts, each made to go on for 128 tokens: long enough to see what a decode step costs.
IEnumerable<JsonObject> LongAnswers() => OneDocument(new Random(1)).Select(line => new JsonObject
{
    ["custom_id"] = (string)line["custom_id"]!,
    ["prompt"] = (string)line["prompt"]!,
    ["max_tokens"] = 128,
    ["temperature"] = 0,
    ["ignore_eos"] = true,
});

// Three levels: examples, then one of four documents behind them, then one of six questions, four samples each.
IEnumerable<JsonObject> FewShot(Random random)
{
    List<Fact> shown = [Code(random, "Delhi"), .. Others(random, 3)];
    string head = Document(random, shown, prose: 3) + string.Concat(shown.Select(fact => $"{Ask(fact)} {fact.Answer}."));
    HashSet<string> taken = [.. shown.Select(fact => fact.Question)];
    for (int d = 1; d <= 4; d++)
    {
        List<Fact> facts = [.. Pick(random, cities, 4).Select(city => Code(random, city)), .. Others(random, 4)];
        facts.RemoveAll(fact => taken.Contains(fact.Question));
        string document = head + "\n\n" + Document(random, facts, prose: 8).TrimStart();
        int number = 0;
        foreach (Fact fact in Shuffled(random, facts).Take(6))
            yield return new JsonObject { ["custom_id"] = $"document-{d}-question-{++number}", ["prompt"] = document + Ask(fact), ["n"] = 4, ["max_tokens"] = 12, ["temperature"] = 0.7, ["seed"] = d, ["expected"] = fact.Answer };
    }
}

// Work of several kinds: some prompts share nothing, some a table; both forms of a line; most of the fields.
IEnumerable<JsonObject> Mixed(Random random)
{
    for (int i = 1; i <= 4; i++)
        yield return new JsonObject { ["custom_id"] = $"story-{i}", ["prompt"] = string.Join(" ", sentences[random.Next(sentences.Length)], sentences[random.Next(sentences.Length)]), ["max_tokens"] = 40, ["temperature"] = 0.8, ["top_p"] = 0.95, ["seed"] = i };

    string[] keys = Pick(random, items, 6), values = Pick(random, colors, 6);
    string table = string.Concat(keys.Zip(values, (key, value) => $"{key} = {value}\n"));
    table += string.Concat(Enumerable.Range(0, 6).Select(i => $"{keys[(i * 5 + 2) % 6]} = {values[(i * 5 + 2) % 6]}\n"));
    for (int i = 0; i < 4; i++)
        yield return new JsonObject { ["custom_id"] = $"table-{i + 1}", ["prompt"] = $"{table}{keys[i]} =", ["max_tokens"] = 4, ["temperature"] = 0, ["stop"] = "\n", ["expected"] = values[i] };

    // A passage that begins again, until one of two texts comes.
    string[] passage = Pick(random, sentences, 3);
    string whole = string.Join(" ", passage);
    yield return new JsonObject { ["custom_id"] = "passage", ["prompt"] = $"{whole}\n\n{whole}\n\n{passage[0]} {string.Join(' ', passage[1].Split(' ').Take(3))}", ["max_tokens"] = 24, ["temperature"] = 0, ["stop"] = new JsonArray("\n", ";") };

    List<Fact> facts = [Code(random, "Quito"), Code(random, "Oslo"), Code(random, "Lima")];
    string document = Document(random, facts, prose: 4);
    foreach (Fact fact in facts)
    {
        yield return new JsonObject
        {
            ["custom_id"] = $"api-form-{fact.Question.Split(' ')[^1].TrimEnd('?')}",
            ["method"] = "POST",
            ["url"] = "/v1/completions",
            ["body"] = new JsonObject { ["model"] = "sample", ["prompt"] = document + Ask(fact), ["max_tokens"] = 8, ["temperature"] = 0, ["logprobs"] = 2 },
            ["expected"] = fact.Answer,
        };
    }

    // " The house of", by the sample model's token ids, with the beginning of text.
    yield return new JsonObject { ["custom_id"] = "token-ids", ["prompt"] = new JsonArray(1, 297, 342, 272), ["max_tokens"] = 16, ["n"] = 3, ["top_k"] = 20, ["min_p"] = 0.05, ["seed"] = 11 };
    yield return new JsonObject { ["prompt"] = "It was", ["n"] = 2, ["max_tokens"] = 12, ["presence_penalty"] = 0.5, ["repetition_penalty"] = 1.1, ["logit_bias"] = new JsonObject { ["2"] = -100 }, ["seed"] = 12 };
}

List<Fact> Others(Random random, int count)
{
    Func<string, Fact>[] kinds =
    [
        name => new Fact($"The house of {name} is in {One(random, cities, out string city)}.", $"Where is the house of {name}?", city),
        name => new Fact($"The dog named {name} has fur that is {One(random, colors, out string color)}.", $"What color is the fur of the dog named {name}?", color),
        name => new Fact($"The work of {name} is that of a {One(random, jobs, out string job)}.", $"What is the work of {name}?", job),
    ];
    return [.. Pick(random, names, count).Select((name, i) => kinds[i % kinds.Length](name))];
}

Fact Code(Random random, string city)
{
    string code = random.Next(1000).ToString("000");
    return new Fact($"The code for {city} is {code}.", $"What is the code for {city}?", code);
}

string Document(Random random, List<Fact> facts, int prose) =>
    string.Concat(Shuffled(random, [.. facts.Select(fact => fact.Sentence), .. Pick(random, sentences, prose)]).Select(sentence => " " + sentence));

static string Ask(Fact fact) => $"\n\nQuestion: {fact.Question}\nAnswer:";

static string One(Random random, string[] from, out string picked) => picked = from[random.Next(from.Length)];

static string[] Pick(Random random, string[] from, int count) => [.. Shuffled(random, from).Take(count)];

static T[] Shuffled<T>(Random random, IEnumerable<T> items)
{
    T[] shuffled = [.. items];
    random.Shuffle(shuffled);
    return shuffled;
}

static string[] Words(string list) => list.Split(' ');

static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

void Write(string name, IEnumerable<JsonObject> lines) =>
    File.WriteAllLines(Path.Combine(folder, name), lines.Select(line => line.ToJsonString(new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })));

internal sealed record Fact(string Sentence, string Question, string Answer);
