using System.Text.Json;

namespace Coppice.Constraints;

/// <summary>Finds what the references of a schema document name, and counts how often schemas are looked at.</summary>
internal sealed class SchemaReferences(JsonElement document)
{
    private int _looks;

    /// <exception cref="InvalidRequestException">Too many: references and alternatives multiply.</exception>
    public void Count(SchemaPath path)
    {
        if (++_looks > ConstraintLimits.Schemas) throw path.Wrong($"with its references and alternatives the schema grows to more than {ConstraintLimits.Schemas} schemas; let alternatives share less, or split it");
    }

    /// <param name="reference">The value of $ref: # or a JSON pointer after it.</param>
    public SchemaPart Resolve(SchemaPart reference)
    {
        string text = reference.Text();
        if (text != "#" && !text.StartsWith("#/", StringComparison.Ordinal)) throw reference.Path.Wrong($"the $ref '{Shortened(text)}' leads out of the document; only # and #/... are followed");
        JsonElement at = document;
        foreach (string step in text.Split('/').Skip(1))
        {
            string name = Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            bool found = at.ValueKind switch
            {
                JsonValueKind.Object => at.TryGetProperty(name, out at),
                JsonValueKind.Array when int.TryParse(name, System.Globalization.NumberStyles.None, null, out int index) && index < at.GetArrayLength() => (at = at[index]).ValueKind != JsonValueKind.Undefined,
                _ => false,
            };
            if (!found) throw reference.Path.Wrong($"the $ref '{Shortened(text)}' names nothing in the document");
        }
        return new SchemaPart(at, SchemaPath.Root.Then(text));
    }

    private static string Shortened(string text) => text.Length > 60 ? text[..57] + "..." : text;
}
