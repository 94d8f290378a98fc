using System.Text.Json;

namespace Coppice.Loading;

/// <summary>What is wrong with a text that is not the JSON it should be, for people.</summary>
internal static class JsonFault
{
    /// <summary>Such as "The body is not JSON at line 1, byte 8: ...".</summary>
    /// <param name="what">Was read: the subject of the sentence.</param>
    /// <param name="error">The reader's.</param>
    public static string Of(string what, JsonException error) => Of(what, error, $"line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}");

    /// <summary>Of a text that is a line of a file, whose number the caller says.</summary>
    public static string OfLine(string what, JsonException error) => Of(what, error, $"byte {error.BytePositionInLine + 1}");

    // Of a property that stands twice the reader says the name and no place.
    private static string Of(string what, JsonException error, string place)
    {
        string reason = error.Message.Split(" LineNumber:")[0];
        return error.BytePositionInLine is null
            ? $"{what} is not JSON that can be read: {reason.Replace(" encountered during deserialization", " in one object", StringComparison.Ordinal)}"
            : $"{what} is not JSON at {place}: {reason}";
    }
}
