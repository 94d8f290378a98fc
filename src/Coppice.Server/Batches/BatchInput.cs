using System.Text.Json;
using System.Text.Unicode;
using Coppice.Loading;
using Coppice.Server.Wire;

namespace Coppice.Server.Batches;

/// <summary>One request of a batch: its id and the bytes of its body.</summary>
internal sealed record BatchRequest(string CustomId, byte[] Body);

/// <summary>Reads the requests of a batch. A file that is not what it should be is refused whole, before anything runs.</summary>
internal static class BatchInput
{
    private const int MostErrors = 100;

    public static List<BatchRequest> Read(string path, string endpoint, List<BatchError> errors)
    {
        List<BatchRequest> requests = [];
        HashSet<string> ids = new(StringComparer.Ordinal);
        int number = 0;
        foreach (ReadOnlyMemory<byte> line in Lines(File.ReadAllBytes(path)))
        {
            number++;
            if (line.Span.IndexOfAnyExcept(" \t\r"u8) < 0) continue;
            try
            {
                BatchRequest request = One(line, endpoint);
                if (!ids.Add(request.CustomId)) throw ApiException.Invalid("custom_id", $"custom_id '{Field.Shortened(request.CustomId)}' stands on two lines; ids must differ, or results could not be told apart.", "duplicate_custom_id");
                requests.Add(request);
            }
            catch (ApiException e)
            {
                errors.Add(new BatchError(e.Code ?? "invalid_request", e.Message, e.Param, number));
                if (errors.Count >= MostErrors) break;
            }
        }

        if (requests.Count == 0 && errors.Count == 0) errors.Add(new BatchError("empty_file", "The file has no requests.", null, null));
        return requests;
    }

    private static BatchRequest One(ReadOnlyMemory<byte> line, string endpoint)
    {
        if (!Utf8.IsValid(line.Span)) throw new ApiException(400, "The line is not UTF-8.") { Code = "invalid_json_line" };
        try
        {
            using JsonDocument document = StrictJson.Parse(line);
            Field root = new("The line", document.RootElement);
            Field Required(string name) => (root.Property(name) ?? throw ApiException.Invalid(name, $"The line has no {name}.", "missing_required_parameter")) with { Name = name };
            string id = Required("custom_id").Text(512);
            if (id.Length == 0) throw ApiException.Invalid("custom_id", "custom_id is empty.");
            Required("method").OneOf("POST");
            if (Required("url").Text() is string url && url != endpoint) throw ApiException.Invalid("url", $"url is {Field.Shortened(url)}; the batch is for {endpoint}.", "mismatched_url");
            Field body = Required("body");
            if (body.Value.ValueKind != JsonValueKind.Object) throw body.Wrong("an object");
            return new BatchRequest(id, System.Text.Encoding.UTF8.GetBytes(body.Value.GetRawText()));
        }
        catch (JsonException e)
        {
            throw new ApiException(400, JsonFault.OfLine("The line", e)) { Code = "invalid_json_line" };
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Span.StartsWith("\uFEFF"u8)) bytes = bytes[3..];
        while (!bytes.IsEmpty)
        {
            int end = bytes.Span.IndexOf((byte)'\n');
            if (end < 0) end = bytes.Length;
            yield return bytes[..end];
            bytes = bytes[Math.Min(bytes.Length, end + 1)..];
        }
    }
}
