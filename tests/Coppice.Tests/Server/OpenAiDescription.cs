namespace Coppice.Tests.Server;

/// <summary>Reads the names of properties out of OpenAI's description, by its indentation: there is no YAML reader to be had.</summary>
internal static class OpenAiDescription
{
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
