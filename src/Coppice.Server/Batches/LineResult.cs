using System.Buffers;
using System.Text.Json;
using Coppice.Server.Serving;
using Coppice.Server.Wire;

namespace Coppice.Server.Batches;

/// <summary>The result of a line of a batch, as OpenAI's API writes it: a line, with its end.</summary>
/// <param name="IsAnswer">False: it is an error.</param>
/// <param name="Line">In UTF-8.</param>
internal readonly record struct LineResult(bool IsAnswer, byte[] Line)
{
    public static LineResult Of(string customId, ReadOnlySpan<byte> body) => new(true, Write(customId, 200, body));

    public static LineResult Of(string customId, ApiException error)
    {
        ArrayBufferWriter<byte> body = new();
        AnswerJson.WriteError(body, error);
        return new(false, Write(customId, error.Status, body.WrittenSpan));
    }

    private static byte[] Write(string customId, int status, ReadOnlySpan<byte> body)
    {
        ArrayBufferWriter<byte> line = new(body.Length + 512);
        using (Utf8JsonWriter json = new(line, AnswerJson.Json))
        {
            json.WriteStartObject();
            json.WriteString("id", $"batch_req_{Guid.NewGuid():N}");
            json.WriteString("custom_id", customId);
            json.WriteStartObject("response");
            json.WriteNumber("status_code", status);
            json.WriteString("request_id", $"req_{Guid.NewGuid():N}");
            json.WritePropertyName("body");
            json.WriteRawValue(body);
            json.WriteEndObject();
            json.WriteNull("error");
            json.WriteEndObject();
        }

        line.Write("\n"u8);
        return line.WrittenSpan.ToArray();
    }
}
