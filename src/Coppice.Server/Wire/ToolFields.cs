using System.Text.Json;
using System.Text.RegularExpressions;

namespace Coppice.Server.Wire;

/// <summary>Which tools a conversation offers.</summary>
internal sealed partial class ToolSource
{
    private const int MostTools = 128;

    /// <summary>What the template is given, and the functions in it by name: the schema of their arguments.</summary>
    public JsonElement? Tools { get; private set; }

    public Dictionary<string, string> Schemas { get; } = new(StringComparer.Ordinal);

    /// <summary>The functions whose arguments are kept to their schema strictly.</summary>
    public HashSet<string> Strict { get; } = new(StringComparer.Ordinal);

    /// <summary>"none", "auto" or "required"; or the function that must be called is <see cref="Named"/>.</summary>
    public string Choice { get; private set; } = "auto";

    public string? Named { get; private set; }

    /// <summary>Whether one answer may call several.</summary>
    public bool Parallel { get; set; } = true;

    /// <summary>Whether some tool may be called.</summary>
    public bool Offered => Schemas.Count > 0 && Choice != "none";

    /// <summary>Whether the answer must be a call.</summary>
    public bool Demanded => Choice == "required" || Named is not null;

    public static string ToolsSchema => """{"type":"array","maxItems":128,"items":{"type":"object","properties":{"type":{"enum":["function"]},"function":{"type":"object","properties":{"name":{"type":"string"},"description":{"type":"string"},"parameters":{"type":"object"},"strict":{"type":"boolean"}},"required":["name"]}},"required":["type","function"]}}""";

    public static string ChoiceSchema => """{"anyOf":[{"enum":["none","auto","required"]},{"type":"object","properties":{"type":{"enum":["function"]},"function":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}},"required":["type","function"]}]}""";

    public void ReadTools(Field field)
    {
        foreach (Field tool in field.Items(MostTools))
        {
            string kind = Required(tool, "type").Text();
            if (kind != "function") throw ApiException.Invalid($"{tool.Name}.type", $"{tool.Name} is of type '{Field.Shortened(kind)}'; tools are functions.", "unsupported_parameter");
            Field function = Required(tool, "function"), named = Required(function, "name");
            string name = named.Text();
            if (!Names().IsMatch(name)) throw named.Wrong("1 to 64 letters, digits, underscores and dashes");
            if (function.Property("description") is { } description) _ = description.Text();
            string schema = """{"type":"object"}""";
            if (function.Property("parameters") is { } parameters)
            {
                if (parameters.Value.ValueKind != JsonValueKind.Object) throw parameters.Wrong("a JSON schema");
                schema = parameters.Json();
            }

            if (!Schemas.TryAdd(name, schema)) throw ApiException.Invalid(named.Name, $"{named.Name} is '{name}', as another tool's is.");
            if (ConstraintFields.ReadStrictness(function) == SchemaStrictness.Strict) Strict.Add(name);
        }

        // Templates ask whether there are any.
        if (Schemas.Count > 0) Tools = field.Value.Clone();
    }

    public void ReadChoice(Field field)
    {
        if (field.Value.ValueKind == JsonValueKind.String)
        {
            Choice = field.OneOf("none", "auto", "required");
            return;
        }

        string kind = Required(field, "type").Text();
        if (kind != "function") throw ApiException.Invalid($"{field.Name}.type", $"{field.Name} is of type '{Field.Shortened(kind)}'; it may name a function.", "unsupported_parameter");
        Named = Required(Required(field, "function"), "name").Text();
    }

    /// <summary>Checks what holds between the fields.</summary>
    public void Check()
    {
        if (Demanded && Schemas.Count == 0) throw ApiException.Invalid("tool_choice", "tool_choice asks for a call and there are no tools.");
        if (Named is not null && !Schemas.ContainsKey(Named)) throw ApiException.Invalid("tool_choice", $"tool_choice names '{Field.Shortened(Named)}', which is none of the tools.");
    }

    private static Field Required(Field of, string name) => of.Property(name) ?? throw ApiException.Invalid($"{of.Name}.{name}", $"{of.Name} has no {name}.", "missing_required_parameter");

    [GeneratedRegex("^[a-zA-Z0-9_-]{1,64}$")]
    private static partial Regex Names();
}
