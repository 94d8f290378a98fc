using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Cli.Serving;

/// <summary>
/// Options that stand in the environment or in appsettings.json. They are put on the command line where it does not have them,
/// and read there: so all three agree about names, values and errors, whatever options there are.
/// </summary>
internal static class Settings
{
    private const string FileName = "appsettings.json", Section = "Coppice", Prefix = "COPPICE_";

    /// <summary>The command line with what the environment and the file add to it.</summary>
    /// <exception cref="UsageException">The file is malformed, names no option, or a value does not fit.</exception>
    public static ParseResult AddTo(Command command, ParseResult parsed, string folder, Func<string, string?> environment)
    {
        Dictionary<string, string[]> file = ReadFile(Path.Combine(folder, FileName));
        List<string> line = [.. parsed.CommandResult.Tokens.Select(token => token.Value)];
        foreach (Option option in command.Options.Where(option => option is not HelpOption))
        {
            string name = option.Name.TrimStart('-');
            bool inFile = file.Remove(name.Replace("-", "", StringComparison.Ordinal), out string[]? values);
            if (parsed.GetResult(option) is { Implicit: false } given)
            {
                foreach (Token token in given.Tokens) line.Add($"{option.Name}={token.Value}");
                if (given.Tokens.Count == 0) line.Add(option.Name);
                continue;
            }

            string source = Prefix + name.Replace('-', '_').ToUpperInvariant();
            if (environment(source) is { Length: > 0 } value) values = [value];
            else if (inFile) source = $"{FileName}, {Section}";
            else continue;
            string[] added = [.. values!.Select(text => option.ValueType == typeof(bool) ? Flag(text, option.Name, source) : $"{option.Name}={text}").OfType<string>()];
            if (added.Length > 0 && command.Parse(added).Errors is [ParseError error, ..]) throw new UsageException($"{source}: {error.Message}");
            line.AddRange(added);
        }

        if (file.Count > 0) throw new UsageException($"{FileName}, {Section}: there is no setting '{file.Keys.First()}'. Settings are named as the options of coppice serve are, without dashes.");
        return command.Parse(line);
    }

    private static string? Flag(string text, string option, string source) => text.ToLowerInvariant() switch
    {
        "true" or "1" => option,
        "false" or "0" => null,
        _ => throw new UsageException($"{source}: {option} is '{text}'; it must be true or false."),
    };

    /// <summary>The file's settings by their names in small letters without dashes.</summary>
    private static Dictionary<string, string[]> ReadFile(string path)
    {
        Dictionary<string, string[]> settings = new(StringComparer.OrdinalIgnoreCase);
        if (!File.Exists(path)) return settings;
        try
        {
            using JsonDocument document = JsonDocument.Parse(SmallFile.Read(path, SmallFile.LargestSettings), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty(Section, out JsonElement section)) return settings;
            foreach (JsonProperty property in section.EnumerateObject())
                settings[property.Name.Replace("-", "", StringComparison.Ordinal)] = property.Value.ValueKind == JsonValueKind.Array ? [.. property.Value.EnumerateArray().Select(Text)] : [Text(property.Value)];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new UsageException($"{path} is not settings in JSON: {e.Message}");
        }

        return settings;
    }

    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => throw new InvalidOperationException($"{value.GetRawText()} is neither a text, a number, true, false nor a list of them."),
    };
}
