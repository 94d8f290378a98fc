using System.Text.Json;
using Coppice.Server.Access;
using Coppice.Server.Serving;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Batches;

/// <summary>The body of POST /v1/batches.</summary>
internal sealed class BatchBody
{
    public string? InputFileId { get; set; }

    public string? Endpoint { get; set; }

    public string? CompletionWindow { get; set; }

    public Dictionary<string, string>? Metadata { get; set; }
}

/// <summary>/v1/files and /v1/batches.</summary>
internal sealed class BatchEndpoints(FileStore files, BatchStore batches, BatchRunner runner, Callers callers, ServerLimits limits, TimeProvider time)
{
    private static readonly BodyFields<BatchBody> s_fields = new(
    [
        BodyField<BatchBody>.Text("input_file_id", 256, "A stored file with one request a line.", (body, id) => body.InputFileId = id),
        new("endpoint", """{"type":"string","enum":["/v1/completions","/v1/chat/completions","/v1/embeddings"]}""", "What the requests are for.", (body, field) => body.Endpoint = field.OneOf("/v1/completions", GenerationEndpoint.ChatPath, EmbeddingEndpoint.Path)),
        new("completion_window", """{"type":"string","enum":["24h"]}""", "Accepted and not used: a batch runs as soon as it can, behind other requests.", (body, field) => body.CompletionWindow = field.OneOf("24h")),
        new("metadata", """{"type":"object","additionalProperties":{"type":"string","maxLength":512}}""", "Up to 16 texts that are kept with the batch.", (body, field) => body.Metadata = ReadMetadata(field)),
        BodyField<BatchBody>.Refused("output_expires_after", "files stay until they are deleted."),
    ]);

    private readonly FileUpload _upload = new(files, limits);

    public ApiOperation[] Operations() =>
    [
        new("POST", "/v1/files", "Stores a file for batches.", AddFileAsync, new ApiBody("multipart/form-data",
            [("file", """{"type":"string","format":"binary"}""", "One request a line."), ("purpose", """{"type":"string","enum":["batch"]}""", "What the file is for.")], ["file", "purpose"])),
        new("GET", "/v1/files", "The stored files.", ListFilesAsync),
        new("GET", "/v1/files/{id}", "A stored file.", context => ShowAsync(context, files.Find(callers.Of(context.Request), Id(context)))),
        new("GET", "/v1/files/{id}/content", "A stored file's bytes.", ContentAsync),
        new("DELETE", "/v1/files/{id}", "Deletes a stored file.", DeleteFileAsync),
        new("POST", "/v1/batches", "Begins a batch.", AddBatchAsync, ApiBody.Of(s_fields, "input_file_id", "endpoint", "completion_window")),
        new("GET", "/v1/batches", "The batches.", ListBatchesAsync),
        new("GET", "/v1/batches/{id}", "A batch.", context => ShowAsync(context, batches.Find(callers.Of(context.Request), Id(context)))),
        new("POST", "/v1/batches/{id}/cancel", "Ends a batch; what is finished is kept.", CancelAsync),
    ];

    private static string Id(HttpContext context) => (string)context.Request.RouteValues["id"]!;

    private async Task AddFileAsync(HttpContext context) => await ShowAsync(context, await _upload.ReadAsync(context.Request, callers.Of(context.Request)));

    private Task ListFilesAsync(HttpContext context)
    {
        IEnumerable<StoredFile> found = files.Of(callers.Of(context.Request));
        if (context.Request.Query["purpose"].ToString() is { Length: > 0 } purpose) found = found.Where(file => file.Purpose == purpose);
        bool ascending = context.Request.Query["order"].ToString() switch { "" or "desc" => false, "asc" => true, _ => throw ApiException.Invalid("order", "order must be asc or desc.") };
        return ListAsync(context, Sorted(found, file => file.CreatedAt, file => file.Id, ascending), file => file.Id, 10_000, 10_000);
    }

    private Task ListBatchesAsync(HttpContext context) =>
        ListAsync(context, Sorted(batches.Of(callers.Of(context.Request)), batch => batch.CreatedAt, batch => batch.Id, ascending: false), batch => batch.Id, 20, 100);

    private async Task ContentAsync(HttpContext context)
    {
        StoredFile file = files.Find(callers.Of(context.Request), Id(context));
        await using FileStream content = Open(file);
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = content.Length;
        await content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private FileStream Open(StoredFile file)
    {
        try
        {
            return DataFolder.OpenContent(files.ContentOf(file));
        }
        catch (FileNotFoundException)
        {
            throw new ApiException(404, $"The server no longer has the bytes of {file.Id}. Upload the file again.") { Param = "id", Code = "file_content_missing", Type = "invalid_request_error" };
        }
    }

    private Task DeleteFileAsync(HttpContext context)
    {
        Caller caller = callers.Of(context.Request);
        string id = Id(context);
        if (batches.Of(caller).Any(batch => !batch.IsOver && batch.InputFileId == id))
            throw new ApiException(409, "A batch is reading the file; cancel the batch first.") { Type = "invalid_request_error", Code = "file_in_use" };
        files.Delete(caller, id);
        return Respond.JsonAsync(context, json =>
        {
            json.WriteString("id", id);
            json.WriteString("object", "file");
            json.WriteBoolean("deleted", true);
        });
    }

    private async Task AddBatchAsync(HttpContext context)
    {
        Caller caller = callers.Of(context.Request);
        using JsonDocument document = await RequestBody.ReadAsync(context.Request, limits.BodyBytes);
        BatchBody body = s_fields.Read(new Field("The body", document.RootElement));
        foreach ((string name, string? value) in (ReadOnlySpan<(string, string?)>)[("input_file_id", body.InputFileId), ("endpoint", body.Endpoint), ("completion_window", body.CompletionWindow)])
            if (value is null) throw ApiException.Invalid(name, $"The field {name} is missing.", "missing_required_parameter");
        StoredFile input = files.Find(caller, body.InputFileId!);
        StoredBatch batch = new($"batch_{Guid.NewGuid():N}", body.Endpoint!, input.Id, body.CompletionWindow!, time.GetUtcNow().ToUnixTimeSeconds()) { Status = BatchStatus.Validating, Metadata = body.Metadata };
        batches.Add(caller.Name, batch, limits.BatchesPerKey);
        runner.Start(caller.Name, batch.Id);
        await ShowAsync(context, batch);
    }

    private Task CancelAsync(HttpContext context)
    {
        Caller caller = callers.Of(context.Request);
        return ShowAsync(context, runner.Cancel(batches.Find(caller, Id(context)).Id));
    }

    private static Dictionary<string, string> ReadMetadata(Field field)
    {
        Dictionary<string, string> metadata = new(StringComparer.Ordinal);
        foreach (Field item in field.Properties())
        {
            if (metadata.Count == 16) throw ApiException.Invalid("metadata", "metadata has more than 16 texts.");
            if (item.Name.Length > 64) throw ApiException.Invalid("metadata", "A key of metadata has more than 64 characters.");
            metadata[item.Name] = (item with { Name = $"metadata.{item.Name}" }).Text(512);
        }

        return metadata;
    }

    private static List<T> Sorted<T>(IEnumerable<T> items, Func<T, long> created, Func<T, string> id, bool ascending)
    {
        List<T> sorted = [.. items.OrderBy(created).ThenBy(id, StringComparer.Ordinal)];
        if (!ascending) sorted.Reverse();
        return sorted;
    }

    private static Task ListAsync<T>(HttpContext context, List<T> items, Func<T, string> id, int usual, int most)
    {
        int limit = usual;
        if (context.Request.Query["limit"].ToString() is { Length: > 0 } text && (!int.TryParse(text, out limit) || limit < 1 || limit > most)) throw ApiException.Invalid("limit", $"limit is '{Field.Shortened(text)}'; it must be from 1 to {most}.");
        if (context.Request.Query["after"].ToString() is { Length: > 0 } after)
        {
            int at = items.FindIndex(item => id(item) == after);
            if (at < 0) throw ApiException.Invalid("after", "after names nothing in the list.");
            items = items[(at + 1)..];
        }

        List<T> page = items[..Math.Min(limit, items.Count)];
        return Respond.JsonAsync(context, async output =>
        {
            Utf8JsonWriter json = output.Json;
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            foreach (T item in page)
            {
                JsonSerializer.Serialize(json, item, typeof(T), StoredJson.Default);
                await output.DrainAsync();
            }

            json.WriteEndArray();
            json.WriteString("first_id", page.Count > 0 ? id(page[0]) : null);
            json.WriteString("last_id", page.Count > 0 ? id(page[^1]) : null);
            json.WriteBoolean("has_more", page.Count < items.Count);
        });
    }

    private static async Task ShowAsync<T>(HttpContext context, T item)
    {
        context.Response.ContentType = "application/json";
        await context.Response.BodyWriter.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(item, typeof(T), StoredJson.Default), context.RequestAborted);
    }
}
