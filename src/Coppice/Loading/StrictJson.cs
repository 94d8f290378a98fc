using System.Text.Json;

namespace Coppice.Loading;

/// <summary>Parses untrusted JSON, in which no object has a key twice.</summary>
internal static class StrictJson
{
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    /// <param name="utf8">Valid UTF-8; the document refers to it.</param>
    /// <exception cref="JsonException">It is not JSON, has a key twice in one object, or a key that is not Unicode.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            return JsonDocument.Parse(utf8, s_options);
        }
        catch (InvalidOperationException e)   // keys are compared as texts, and half a surrogate pair is none
        {
            throw new JsonException("A key holds half a surrogate pair (\\ud800 to \\udfff); keys must be Unicode text.", e);
        }
    }
}
