using System.Text.Json;
using Coppice.Server.Wire;

namespace Coppice.Server.Serving;

/// <summary>/openapi/v1.json: written from the tables by which requests are read, so that it cannot say anything else than they do.</summary>
internal static class ApiDescription
{
    /// <param name="json">Where the object's properties go.</param>
    /// <param name="operations">The paths and what they take.</param>
    public static void Write(Utf8JsonWriter json, IEnumerable<ApiOperation> operations)
    {
        json.WriteString("openapi", "3.1.0");
        json.WriteStartObject("info");
        json.WriteString("title", "Coppice");
        json.WriteString("version", typeof(Engine).Assembly.GetName().Version!.ToString(3));
        json.WriteEndObject();
        json.WriteStartObject("paths");
        foreach (IGrouping<string, ApiOperation> path in operations.GroupBy(operation => operation.Path, StringComparer.Ordinal))
        {
            json.WriteStartObject(path.Key);
            foreach (ApiOperation operation in path) WriteOperation(json, operation);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartObject("components");
        json.WriteStartObject("schemas");
        json.WritePropertyName("Error");
        json.WriteRawValue("""{"type":"object","properties":{"error":{"type":"object","properties":{"message":{"type":"string"},"type":{"type":"string"},"param":{"type":["string","null"]},"code":{"type":["string","null"]}},"required":["message","type","param","code"]}},"required":["error"]}""");
        json.WriteEndObject();
        json.WriteStartObject("securitySchemes");
        json.WritePropertyName("key");
        json.WriteRawValue("""{"type":"http","scheme":"bearer"}""");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteOperation(Utf8JsonWriter json, ApiOperation operation)
    {
        json.WriteStartObject(operation.Method.ToLowerInvariant());
        json.WriteString("summary", operation.Summary);
        if (operation.Path.Contains('{', StringComparison.Ordinal))
        {
            json.WriteStartArray("parameters");
            json.WriteRawValue("""{"name":"id","in":"path","required":true,"schema":{"type":"string"}}""");
            json.WriteEndArray();
        }

        if (operation.Body is { } body)
        {
            json.WriteStartObject("requestBody");
            json.WriteBoolean("required", true);
            json.WriteStartObject("content");
            json.WriteStartObject(body.MediaType);
            json.WriteStartObject("schema");
            json.WriteString("type", "object");
            json.WriteBoolean("additionalProperties", false);
            json.WriteStartObject("properties");
            foreach ((string name, string schema, string description) in body.Fields)
            {
                json.WritePropertyName(name);
                // The schema is an object: the description goes in at its end.
                json.WriteRawValue($"{schema[..^1]}{(schema == "{}" ? "" : ",")}\"description\":\"{JsonEncodedText.Encode(description)}\"}}");
            }

            json.WriteEndObject();
            json.WriteStartArray("required");
            foreach (string name in body.Required) json.WriteStringValue(name);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WritePropertyName("responses");
        json.WriteRawValue("""{"200":{"description":"The answer."},"4XX":{"description":"The request is refused.","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Error"}}}}}""");
        json.WriteEndObject();
    }
}

/// <summary>A path and a method.</summary>
internal sealed record ApiOperation(string Method, string Path, string Summary, Func<Microsoft.AspNetCore.Http.HttpContext, Task> Handler, ApiBody? Body = null);

/// <summary>What an operation's body may have.</summary>
internal sealed record ApiBody(string MediaType, IReadOnlyList<(string Name, string Schema, string Description)> Fields, IReadOnlyList<string> Required)
{
    public static ApiBody Of<TBody>(BodyFields<TBody> fields, params string[] required) where TBody : new() =>
        new("application/json", [.. fields.All.Where(field => field.Schema is not null).Select(field => (field.Name, field.Schema!, field.Description))], required);
}
