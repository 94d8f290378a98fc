using System.Globalization;
using System.Text.Json;

namespace Coppice.Tests.Constraints;

/// <summary>JsonSchema.Net, a validator that others wrote.</summary>
internal static class SchemaOracle
{
    /// <summary>Whether it finds the value valid, or cannot say.</summary>
    public static bool Accepts(string schema, JsonElement value)
    {
        // It counts what a reader takes for one character, the specification code points.
        string text = value.GetRawText();
        if (new StringInfo(text).LengthInTextElements != text.EnumerateRunes().Count()) return true;
        try
        {
            return Json.Schema.JsonSchema.FromText(schema).Evaluate(value).IsValid;
        }
        catch (FormatException)
        {
            return true;    // it reads no numbers beyond decimal's, such as 1e90
        }
    }
}
