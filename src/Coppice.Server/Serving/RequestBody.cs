using System.Text.Json;
using System.Text.Unicode;
using Coppice.Loading;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Coppice.Server.Serving;

/// <summary>Reads a JSON body, no longer than it may be.</summary>
internal static class RequestBody
{
    private const int FirstBytes = 1 << 16;

    /// <exception cref="ApiException">It is too long, of another kind, not UTF-8, or not JSON.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpRequest request, int mostBytes)
    {
        // A page of another site may post text without asking first, but not JSON.
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type) || !type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase))
            throw new ApiException(415, $"The content type is '{Field.Shortened(request.ContentType ?? "")}'; send JSON as application/json.") { Code = "unsupported_media_type" };
        if (request.Headers.ContentEncoding.Count > 0) throw new ApiException(415, "The body is encoded; send it plain.") { Code = "unsupported_media_type" };
        ReadOnlyMemory<byte> utf8 = await BytesAsync(request, mostBytes);
        if (!Utf8.IsValid(utf8.Span)) throw new ApiException(400, "The body is not UTF-8.") { Code = "invalid_json" };
        JsonDocument document;
        try
        {
            document = StrictJson.Parse(utf8);
        }
        catch (JsonException e)
        {
            throw new ApiException(400, JsonFault.Of("The body", e)) { Code = "invalid_json" };
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
        document.Dispose();
        throw new ApiException(400, "The body is not a JSON object.") { Code = "invalid_json" };
    }

    private static async Task<ReadOnlyMemory<byte>> BytesAsync(HttpRequest request, int mostBytes)
    {
        if (request.ContentLength > mostBytes) throw TooLong(mostBytes);
        // What arrives takes memory, not what is announced.
        byte[] buffer = new byte[Math.Min(Math.Min(mostBytes, FirstBytes) + 1L, request.ContentLength + 1 ?? FirstBytes)];
        int length = 0;
        while (true)
        {
            // A connection that breaks ends this by itself.
            int read = await request.Body.ReadAsync(buffer.AsMemory(length), CancellationToken.None);
            if (read == 0) return buffer.AsMemory(0, length);
            length += read;
            if (length > mostBytes) throw TooLong(mostBytes);
            if (length == buffer.Length) Array.Resize(ref buffer, (int)Math.Min(mostBytes + 1L, length * 2L));
        }
    }

    private static ApiException TooLong(int mostBytes) => new(413, $"The body has more than {mostBytes} bytes, which is what this server takes.") { Code = "request_too_large" };
}
