using System.Diagnostics;
using Coppice.Server.Access;
using Coppice.Server.Batches;
using Coppice.Server.Prefixes;
using Coppice.Server.Telemetry;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Coppice.Server.Serving;

/// <summary>The paths of the API and what answers them. Every failure becomes an error in OpenAI's shape.</summary>
internal sealed class ApiRoutes(ServedModel model, Callers callers, Admission admission, GenerationEndpoint generation, EmbeddingEndpoint embeddings, PrefixEndpoints prefixes, TokenEndpoints tokens, TreeEndpoint tree, BatchEndpoints? batches, PrometheusText metrics, ILogger logger)
{
    private ApiOperation[] Operations() =>
    [
        new("GET", "/v1/models", "The served model, in a list.", ModelsAsync),
        new("GET", "/v1/models/{**id}", "The served model.", ModelAsync),
        new("POST", "/v1/completions", "Continues prompts.", generation.CompletionsAsync, ApiBody.Of(generation.CompletionFields, "prompt")),
        new("POST", "/v1/chat/completions", "Continues a conversation.", generation.ChatAsync, ApiBody.Of(generation.ChatFields, "messages")),
        new("POST", EmbeddingEndpoint.Path, "Texts as vectors.", embeddings.EmbedAsync, ApiBody.Of(embeddings.Fields, "input")),
        .. prefixes.Operations(),
        new("POST", "/tokenize", "The tokens of a text or a conversation.", tokens.TokenizeAsync, ApiBody.Of(TokenEndpoints.TokenizeFields)),
        new("POST", "/detokenize", "The text of tokens.", tokens.DetokenizeAsync, ApiBody.Of(TokenEndpoints.DetokenizeFields, "tokens")),
        new("GET", "/v1/coppice/tree", "The prefix tree as the caller may see it, what attention read of it, and what the engine does.", tree.TreeAsync),
        new("GET", "/health", "Whether the server takes requests.", HealthAsync),
        new("GET", "/metrics", "What the server does, as Prometheus reads it.", MetricsAsync),
        new("GET", "/openapi/v1.json", "This description.", DescriptionAsync),
        .. batches?.Operations() ?? [],
    ];

    public void Map(IEndpointRouteBuilder app)
    {
        foreach (ApiOperation operation in Operations()) app.MapMethods(operation.Path, [operation.Method], context => GuardedAsync(context, operation.Handler));
    }

    private async Task GuardedAsync(HttpContext context, Func<HttpContext, Task> handler)
    {
        string id = $"req_{Guid.NewGuid():N}";
        context.Response.Headers["x-request-id"] = id;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        long start = Stopwatch.GetTimestamp();
        try
        {
            await handler(context);
        }
        catch (Exception error) when (context.RequestAborted.IsCancellationRequested || error is ConnectionResetException or ConnectionAbortedException)
        {
            Log.Disconnected(logger, id, context.Request.Path, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            // The web server drains what is left of a body unless it knows that the connection is gone, which it learns a little after its reader;
            // draining a broken one is an error in its log.
            context.Abort();
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception error)
        {
            ApiException api = error is BadHttpRequestException bad ? new ApiException(bad.StatusCode, bad.Message) { Code = "bad_request" } : ApiException.Of(error);
            if (error is LogitsException) Log.ModelFailed(logger, id, context.Request.Path, error.Message);
            else if (api.Status >= 500 && error is not ApiException) Log.Failed(logger, error, id, context.Request.Path);
            else Log.Refused(logger, id, context.Request.Path, api.Status, api.Code, api.Param);
            if (!context.Response.HasStarted) await Respond.ErrorAsync(context, api);
        }
    }

    private Task ModelsAsync(HttpContext context)
    {
        _ = callers.Of(context.Request);
        return Respond.JsonAsync(context, json =>
        {
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            json.WriteStartObject();
            WriteModel(json);
            json.WriteEndObject();
            json.WriteEndArray();
        });
    }

    private Task ModelAsync(HttpContext context)
    {
        _ = callers.Of(context.Request);
        model.Expect((string)context.Request.RouteValues["id"]!);
        return Respond.JsonAsync(context, WriteModel);
    }

    private void WriteModel(System.Text.Json.Utf8JsonWriter json)
    {
        json.WriteString("id", model.Name);
        json.WriteString("object", "model");
        json.WriteNumber("created", model.Created);
        json.WriteString("owned_by", "coppice");
        json.WriteNumber("max_model_len", model.MaxContextTokens);
    }

    private Task HealthAsync(HttpContext context)
    {
        if (admission.IsClosed) throw new ApiException(503, "The server is stopping.") { Code = "shutting_down" };
        return Respond.JsonAsync(context, json => json.WriteString("status", "ok"));
    }

    private Task DescriptionAsync(HttpContext context) =>
        Respond.JsonAsync(context, json => ApiDescription.Write(json, Operations().Select(operation => operation with { Path = operation.Path.Replace("**", "", StringComparison.Ordinal) })));

    private Task MetricsAsync(HttpContext context)
    {
        _ = callers.Of(context.Request);
        context.Response.ContentType = PrometheusText.ContentType;
        return context.Response.WriteAsync(metrics.Write(), context.RequestAborted);
    }
}

/// <summary>What the server's log says of requests.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "{Id} {Path}: refused with {Status}: {Code} {Param}")]
    public static partial void Refused(ILogger logger, string id, string path, int status, string? code, string? param);

    /// <summary>What is wrong with a model's files or weights, the error itself says; anything else is a fault of the server, and where it happened is shown.</summary>
    public static void Failed(ILogger logger, Exception error, string id, string path)
    {
        if (error is ModelFormatException or LogitsException) FailedByModel(logger, id, path, error.Message);
        else FailedByServer(logger, error, id, path);
    }

    [LoggerMessage(2, LogLevel.Error, "{Id} {Path}: failed")]
    private static partial void FailedByServer(ILogger logger, Exception error, string id, string path);

    [LoggerMessage(21, LogLevel.Error, "{Id} {Path}: failed. {Message}")]
    private static partial void FailedByModel(ILogger logger, string id, string path, string message);

    [LoggerMessage(3, LogLevel.Debug, "{Id} {Path}: the client left after {Milliseconds} ms")]
    public static partial void Disconnected(ILogger logger, string id, string path, double milliseconds);

    [LoggerMessage(4, LogLevel.Information, "{Model} is served at {Address}")]
    public static partial void Listening(ILogger logger, string model, string address);

    [LoggerMessage(5, LogLevel.Information, "Stopping: new requests are refused, running ones have {Seconds} s")]
    public static partial void Stopping(ILogger logger, double seconds);

    [LoggerMessage(6, LogLevel.Error, "Batch {Id} stopped; it goes on when the server is started again")]
    public static partial void BatchFailed(ILogger logger, Exception error, string id);

    [LoggerMessage(7, LogLevel.Error, "A batch waits for the disk: {Message}")]
    public static partial void DiskRefused(ILogger logger, string message);

    [LoggerMessage(11, LogLevel.Error, "{Id} {Path}: the model failed: {Message}")]
    public static partial void ModelFailed(ILogger logger, string id, string path, string message);

    [LoggerMessage(12, LogLevel.Warning, "{Path} was left out: {Reason}. It is now {Aside}")]
    public static partial void PutAside(ILogger logger, string path, string reason, string aside);

    [LoggerMessage(13, LogLevel.Warning, "{Path} was left out: {Reason}. It could not be renamed: {Message}")]
    public static partial void NotPutAside(ILogger logger, string path, string reason, string message);

    [LoggerMessage(8, LogLevel.Debug, "{Id} {Path}: {Answers} answers to {PromptTokens} tokens, {CachedTokens} of them cached; {CompletionTokens} tokens generated in {Milliseconds} ms")]
    public static partial void Answered(ILogger logger, string id, string path, int answers, int promptTokens, int cachedTokens, int completionTokens, double milliseconds);

    [LoggerMessage(9, LogLevel.Warning, "Anybody who reaches {Host} may use the server: it has no API keys")]
    public static partial void Open(ILogger logger, string host);

    [LoggerMessage(10, LogLevel.Information, "{Model} opened in {Milliseconds} ms: {ContextTokens} tokens of context, {KvBytes} bytes for keys and values, up to {Batch} samples at once")]
    public static partial void Opened(ILogger logger, string model, double milliseconds, int contextTokens, long kvBytes, int batch);
}
