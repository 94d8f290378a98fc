using System.Text.Json;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Serving;

/// <summary>Writes answers that are one JSON object.</summary>
internal static class Respond
{
    /// <param name="context">The request.</param>
    /// <param name="write">Writes the object's properties.</param>
    public static Task JsonAsync(HttpContext context, Action<Utf8JsonWriter> write) => JsonAsync(context, output =>
    {
        write(output.Json);
        return Task.CompletedTask;
    });

    /// <param name="context">The request.</param>
    /// <param name="write">Writes the object's properties, and drains between the items of long lists.</param>
    public static async Task JsonAsync(HttpContext context, Func<AnswerWriter, Task> write)
    {
        context.Response.ContentType = "application/json";
        using (AnswerWriter output = new(context.Response.BodyWriter))
        {
            output.Json.WriteStartObject();
            await write(output);
            output.Json.WriteEndObject();
        }

        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    /// <summary>An error in OpenAI's shape.</summary>
    public static async Task ErrorAsync(HttpContext context, ApiException error)
    {
        context.Response.StatusCode = error.Status;
        context.Response.ContentType = "application/json";
        if (error.RetryAfter is TimeSpan wait) context.Response.Headers.RetryAfter = ((int)Math.Ceiling(Math.Max(1, wait.TotalSeconds))).ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (error.Status == 401) context.Response.Headers.WWWAuthenticate = "Bearer";
        AnswerJson.WriteError(context.Response.BodyWriter, error);
        await context.Response.BodyWriter.FlushAsync(CancellationToken.None);
    }
}
