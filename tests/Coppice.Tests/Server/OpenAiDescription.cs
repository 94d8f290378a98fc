using System.Globalization;
using System.Text.Json;

namespace Coppice.Tests.Server;

/// <summary>Reads the names of properties out of OpenAI's description, by its indentation: there is no YAML reader to be had.</summary>
internal static class OpenAiDescription
{
    /// <summary>What a field may be, as far as its own lines say: the types and the choices of all its alternatives together.</summary>
    public sealed record FieldKind(string Name, List<string> Types, List<string> Choices, double Least, double Most)
    {
        /// <summary>A value of one of the types.</summary>
        public string Value(Random random)
        {
            if (Choices.Count > 0 && random.Next(2) == 0) return JsonSerializer.Serialize(Choices[random.Next(Choices.Count)]);
            return Value(Types.Count == 0 ? "object" : Types[random.Next(Types.Count)], random, 3);
        }

        private string Value(string type, Random random, int depth) => type switch
        {
            "boolean" => random.Next(2) == 0 ? "true" : "false",
            "integer" => random.Next((int)Math.Max(-5, Least), (int)Math.Min(1000, Most) + 1).ToString(CultureInfo.InvariantCulture),
            "number" => (Math.Max(-5, Least) + random.NextDouble() * (Math.Min(1000, Most) - Math.Max(-5, Least))).ToString("R", CultureInfo.InvariantCulture),
            "string" => JsonSerializer.Serialize(string.Concat(Enumerable.Range(0, random.Next(1, 20)).Select(_ => (char)random.Next(32, random.Next(4) == 0 ? 0xD7FF : 126)))),
            _ when depth == 0 => "null",
            "array" => $"[{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => Value(Types[random.Next(Types.Count)], random, depth - 1)))}]",
            _ => $"{{{string.Join(',', Choices.Take(3).Append("type").Distinct().Select(name => $"{JsonSerializer.Serialize(name)}:{Value(Types.Count == 0 ? "string" : Types[random.Next(Types.Count)], random, depth - 1)}"))}}}",
        };
    }

    /// <summary>The fields of a schema.</summary>
    public static List<FieldKind> Fields(string schema)
    {
        string[] lines = File.ReadAllLines(TestData.Shared("testdata/openai/openapi.yaml"));
        int start = Array.IndexOf(lines, $"    {schema}:"), end = Array.FindIndex(lines, start + 1, line => line.Length > 4 && line[..4].Trim().Length == 0 && line[4] != ' ');
        List<FieldKind> fields = [];
        foreach (string name in Properties(schema))
        {
            int at = Array.FindIndex(lines, start, end - start, line => line.Trim() == name + ":");
            FieldKind field = new(name, [], [], -5, 1000);
            fields.Add(field);
            if (at < 0) continue;       // another schema's, by reference: any object
            int indent = Indent(lines[at]);
            bool choices = false;
            for (int i = at + 1; i < end && (lines[i].Length == 0 || Indent(lines[i]) > indent); i++)
            {
                string text = lines[i].TrimStart(' ', '-').Trim();
                if (choices && lines[i].TrimStart().StartsWith("- ", StringComparison.Ordinal) && !text.Contains(':', StringComparison.Ordinal)) field.Choices.Add(text);
                else choices = text == "enum:";
                if (text.Split("type: ") is ["", "boolean" or "integer" or "number" or "string" or "array" or "object"]) field.Types.Add(text[6..]);
                if (text.Split("minimum: ") is ["", string least]) field = fields[^1] = field with { Least = double.Parse(least, CultureInfo.InvariantCulture) };
                if (text.Split("maximum: ") is ["", string most]) field = fields[^1] = field with { Most = double.Parse(most, CultureInfo.InvariantCulture) };
            }
        }

        return fields;
    }

    private static int Indent(string line) => line.Length - line.TrimStart().Length;

    public static List<string> Properties(string schema)
    {
        string[] lines = File.ReadAllLines(TestData.Shared("testdata/openai/openapi.yaml"));
        int start = Array.IndexOf(lines, $"    {schema}:");
        List<string> names = [];
        int depth = -1;     // of the names below the innermost "properties:" that belongs to the schema itself
        for (int i = start + 1; i < lines.Length; i++)
        {
            string line = lines[i];
            if (line.Length == 0) continue;
            int indent = line.Length - line.TrimStart().Length;
            if (indent <= 4) break;
            string text = line.TrimStart(' ', '-').Trim();
            if (text.StartsWith("$ref:", StringComparison.Ordinal) && depth < 0) names.AddRange(Properties(text.Split('/')[^1].Trim('\'', '"')));
            if (depth >= 0 && indent < depth) depth = -1;
            if (text == "properties:" && depth < 0 && indent <= 10) depth = indent + 2;
            else if (depth >= 0 && indent == depth && text.EndsWith(':')) names.Add(text[..^1]);
        }

        return [.. names.Distinct()];
    }
}
