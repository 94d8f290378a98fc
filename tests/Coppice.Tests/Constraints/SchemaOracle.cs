using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;

namespace Coppice.Tests.Constraints;

/// <summary>JsonSchema.Net, a validator that others wrote.</summary>
internal static class SchemaOracle
{
    // It keeps what it has read by $id, and reads none twice.
    private static readonly ConcurrentDictionary<string, Lazy<Json.Schema.JsonSchema>> s_read = new(StringComparer.Ordinal);

    /// <summary>Whether it finds the value valid, or cannot say.</summary>
    public static bool Accepts(string schema, JsonElement value)
    {
        // It counts what a reader takes for one character, the specification code points.
        string text = value.GetRawText();
        if (new StringInfo(text).LengthInTextElements != text.EnumerateRunes().Count()) return true;
        try
        {
            return s_read.GetOrAdd(schema, text => new(() => Json.Schema.JsonSchema.FromText(text))).Value.Evaluate(value).IsValid;
        }
        catch (FormatException)
        {
            return true;    // it reads no numbers beyond decimal's, such as 1e90
        }
    }
}
