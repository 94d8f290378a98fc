using System.Collections;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Coppice.Loading;
using Coppice.Server.Wire;

namespace Coppice.Server.Batches;

/// <summary>One request of a batch: the line it stands on, its id and the bytes of its body.</summary>
/// <param name="Index">Which request of the file it is, from 0.</param>
/// <param name="Line">From 1.</param>
/// <param name="CustomId">What its result is called.</param>
/// <param name="Body">JSON in UTF-8.</param>
internal sealed record BatchRequest(int Index, int Line, string CustomId, byte[] Body);

/// <summary>
/// The requests of a batch, read from the disk as they are needed. A file that is not what it should be is refused whole, before
/// anything runs. Between two lines nothing is held but a bit for each request.
/// </summary>
internal sealed class BatchInput
{
    private const int MostErrors = 100;

    private readonly string _path, _endpoint;
    private readonly ServerLimits _limits;
    private readonly BitArray _finished = new(0);

    private BatchInput(string path, string endpoint, ServerLimits limits) => (_path, _endpoint, _limits) = (path, endpoint, limits);

    /// <summary>Requests that the file has.</summary>
    public int Count { get; private set; }

    /// <summary>Reads a file once, from its first line to its last.</summary>
    /// <param name="path">The file.</param>
    /// <param name="endpoint">What all its requests must be for.</param>
    /// <param name="limits">Of its lines.</param>
    /// <param name="finished">Requests that have a result, by <see cref="Key"/>.</param>
    /// <param name="errors">Gets what is wrong; if anything is, nothing must run.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static async Task<BatchInput> OpenAsync(string path, string endpoint, ServerLimits limits, IReadOnlySet<UInt128> finished, List<BatchError> errors, CancellationToken cancellation)
    {
        BatchInput input = new(path, endpoint, limits);
        HashSet<UInt128> keys = [];
        await foreach ((int number, BatchRequest? request, ApiException? error) in input.LinesAsync(cancellation))
        {
            if (error is null && input.Count == limits.BatchRequests)
            {
                errors.Add(new BatchError("too_many_requests", $"The file has more than {limits.BatchRequests} requests, which is what a batch may have. Divide it into several.", null, number));
                break;
            }

            if (error is not null)
            {
                errors.Add(new BatchError(error.Code ?? "invalid_request", error.Message, error.Param, number));
            }
            else if (!keys.Add(Key(request!.CustomId)))
            {
                errors.Add(new BatchError("duplicate_custom_id", $"custom_id '{Field.Shortened(request.CustomId)}' stands on two lines; ids must differ, or results could not be told apart.", "custom_id", number));
            }
            else
            {
                input.Add(finished.Contains(Key(request.CustomId)));
            }

            if (errors.Count >= MostErrors) break;
        }

        if (input.Count == 0 && errors.Count == 0) errors.Add(new BatchError("empty_file", "The file has no requests.", null, null));
        return input;
    }

    /// <summary>What stands for an id where many are kept: 16 bytes, of which no two ids have the same.</summary>
    public static UInt128 Key(string customId)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(customId), hash);
        return MemoryMarshal.Read<UInt128>(hash);
    }

    /// <summary>Requests without a result, in the file's order.</summary>
    public async IAsyncEnumerable<BatchRequest> UnfinishedAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach ((_, BatchRequest? request, _) in LinesAsync(cancellation))
        {
            if (request is not null && !_finished[request.Index]) yield return request;
        }
    }

    /// <summary>A request has its result.</summary>
    public void Finish(BatchRequest request)
    {
        lock (_finished) _finished[request.Index] = true;
    }

    private void Add(bool finished)
    {
        if (_finished.Length == Count) _finished.Length = Math.Max(1024, 2 * Count);
        _finished[Count++] = finished;
    }

    private async IAsyncEnumerable<(int Number, BatchRequest? Request, ApiException? Error)> LinesAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await using FileStream file = DataFolder.OpenContent(_path);
        int index = 0;
        await foreach (InputLine line in LineReader.ReadFilledAsync(file, _limits.BodyBytes, cancellation))
        {
            BatchRequest? request = null;
            ApiException? error = null;
            try
            {
                request = One(index, line);
                index++;
            }
            catch (ApiException e)
            {
                error = e;
            }

            yield return (line.Number, request, error);
        }
    }

    private BatchRequest One(int index, InputLine line)
    {
        if (line.IsTooLong) throw new ApiException(400, $"The line has {line.ByteCount} bytes and may have {_limits.BodyBytes}, as a request's body may. Make it shorter, or have the server started with a larger --max-body.") { Code = "line_too_long" };
        if (!Utf8.IsValid(line.Bytes.Span)) throw new ApiException(400, "The line is not UTF-8.") { Code = "invalid_json_line" };
        try
        {
            using JsonDocument document = StrictJson.Parse(line.Bytes);
            Field root = new("The line", document.RootElement);
            Field Required(string name) => (root.Property(name) ?? throw ApiException.Invalid(name, $"The line has no {name}.", "missing_required_parameter")) with { Name = name };
            string id = Required("custom_id").Text(512);
            if (id.Length == 0) throw ApiException.Invalid("custom_id", "custom_id is empty.");
            Required("method").OneOf("POST");
            if (Required("url").Text() is string url && url != _endpoint) throw ApiException.Invalid("url", $"url is {Field.Shortened(url)}; the batch is for {_endpoint}.", "mismatched_url");
            Field body = Required("body");
            if (body.Value.ValueKind != JsonValueKind.Object) throw body.Wrong("an object");
            return new BatchRequest(index, line.Number, id, JsonMarshal.GetRawUtf8Value(body.Value).ToArray());
        }
        catch (JsonException e)
        {
            throw new ApiException(400, JsonFault.OfLine("The line", e)) { Code = "invalid_json_line" };
        }
    }
}
