using System.Runtime.InteropServices;
using System.Text.Json;
using Coppice.Server.Access;
using Coppice.Server.Batches;
using Coppice.Server.Prefixes;
using Coppice.Server.Telemetry;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Serving;

/// <summary>Answers requests for completions, whole or as a stream: reads them, lets them in, has them made ready, and has the engine answer.</summary>
internal sealed class GenerationEndpoint(ServedModel model, ServerLimits limits, Callers callers, Admission admission, PrefixStore prefixes, Preparation preparation, ServerMeter meter, TimeProvider time, CancellationToken stopping)
{
    public const string ChatPath = "/v1/chat/completions";

    private readonly BodyFields<GenerationBody> _completions = GenerationFields.Completions(limits), _chat = GenerationFields.Chat(limits);
    private readonly TextFormat _textFormat = new();
    private readonly ChatFormat _chatFormat = new();
    private readonly Answers _answers = new(model);

    public BodyFields<GenerationBody> CompletionFields => _completions;

    public BodyFields<GenerationBody> ChatFields => _chat;

    public Task CompletionsAsync(HttpContext context) => RunAsync(context, _textFormat, ReadCompletion);

    public Task ChatAsync(HttpContext context) => RunAsync(context, _chatFormat, ReadChat);

    /// <summary>Reads a request that came in a file.</summary>
    public LineWork ReadLine(string endpoint, Field root, Caller caller)
    {
        (IAnswerFormat format, GenerationRequest read) = endpoint == ChatPath ? (_chatFormat, ReadChat(root, caller)) : ((IAnswerFormat)_textFormat, ReadCompletion(root, caller));
        if (read.Body.Stream) throw ApiException.Invalid("stream", "stream is true; a batch writes each answer whole. Leave it out.", "unsupported_parameter");
        GenerationRequest behind = read with { Options = read.Options with { Priority = Math.Max(read.Options.Priority, LineWork.Priority) } };
        return new LineWork(behind.Samples, AnswerSize.OfLine(behind, model), async (output, cancellation) =>
        {
            Generation generation = await preparation.PrepareAsync(behind, caller, Urgency.Batch, cancellation);
            Answered[] results = await _answers.AllAsync(generation, cancellation);
            using AnswerWriter writer = new(output);
            await AnswerJson.WriteWholeAsync(writer, format, model, AnswerId.New(format, time), results, generation.Warnings);
        });
    }

    private GenerationRequest ReadCompletion(Field root, Caller caller) => Read(_completions, root, caller, GenerationRequest.OfCompletion);

    private GenerationRequest ReadChat(Field root, Caller caller) => Read(_chat, root, caller, GenerationRequest.OfChat);

    private GenerationRequest Read(BodyFields<GenerationBody> fields, Field root, Caller caller, Func<ServedModel, GenerationBody, PrefixUse?, GenerationRequest> make)
    {
        GenerationBody body = fields.Read(root);
        body.Bytes = JsonMarshal.GetRawUtf8Value(root.Value).Length;
        PrefixUse? prefix = body.Prefix is null ? null : new PrefixUse(prefixes.Find(caller, body.Prefix), caller);
        GenerationRequest request = make(model, body, prefix);
        return request with { Options = request.Options with { CacheSalt = caller.Salt(request.Options.CacheSalt), Owner = caller.Name, OwnerWeight = caller.Weight } };
    }

    private async Task RunAsync(HttpContext context, IAnswerFormat format, Func<Field, Caller, GenerationRequest> read)
    {
        Caller caller = callers.Of(context.Request);
        GenerationRequest request;
        using (JsonDocument document = await RequestBody.ReadAsync(context.Request, limits.BodyBytes))
            request = read(new Field("The body", document.RootElement), caller);
        using IDisposable place = admission.Enter(caller, request.Samples, AnswerSize.Of(request, model));
        AnswerId id = AnswerId.New(format, time);
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        using RequestRecord record = meter.Begin(format.WholeKind, request, context);
        try
        {
            Generation generation = await preparation.PrepareAsync(request, caller, Urgency.Awaited, ending.Token);
            if (request.Body.Stream) await StreamAsync(context, format, generation, id, record, ending.Token);
            else await WholeAsync(context, format, generation, id, record, ending.Token);
        }
        catch (Exception error)
        {
            record.Failed(context.RequestAborted.IsCancellationRequested ? "disconnected" : ApiException.Of(error).Code ?? "error");
            throw;
        }
    }

    private async Task WholeAsync(HttpContext context, IAnswerFormat format, Generation generation, AnswerId id, RequestRecord record, CancellationToken cancellation)
    {
        Answered[] results = await _answers.AllAsync(generation, cancellation);
        foreach (GenerateChoice choice in results.SelectMany(answered => answered.Result.Choices)) record.Ended(choice.Finish);
        record.Ended(AnswerJson.Sum(results.Select(answered => answered.Result.Usage)));
        context.Response.ContentType = "application/json";
        using AnswerWriter output = new(context.Response.BodyWriter);
        await AnswerJson.WriteWholeAsync(output, format, model, id, results, generation.Warnings);
        await context.Response.BodyWriter.FlushAsync(cancellation);
    }

    private async Task StreamAsync(HttpContext context, IAnswerFormat format, Generation generation, AnswerId id, RequestRecord record, CancellationToken cancellation)
    {
        // The engine checks here, before anything is sent: an error still has a status.
        using AnswerStream stream = await AnswerStream.BeginAsync(context.Response, format, model, id, generation, record, _answers, cancellation);
        try
        {
            await stream.RunAsync();
        }
        catch (Exception error) when (context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            // The status is sent; the error becomes the stream's last event, and the server's log has it too.
            await stream.FailAsync(ApiException.Of(error));
            throw;
        }
    }
}
