using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using Coppice.Server.Access;
using Coppice.Server.Serving;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Prefixes;

/// <summary>The body of POST /v1/prefixes.</summary>
internal sealed class PrefixBody
{
    public string? Model { get; set; }

    /// <summary>Bytes of the body.</summary>
    public long Bytes { get; set; }

    public string? Name { get; set; }

    public PromptSource? Prompt { get; set; }

    public ChatSource Chat { get; } = new();

    public int? TtlSeconds { get; set; }

    public string? CacheSalt { get; set; }

    public bool Public { get; set; }

    /// <summary>How many of text, tokens and messages are given.</summary>
    public int Sources { get; set; }
}

/// <summary>/v1/prefixes: beginnings of prompts that stay in the cache.</summary>
internal sealed partial class PrefixEndpoints(PrefixStore prefixes, ServedModel model, ServerLimits limits, Callers callers, Admission admission, Preparation preparation)
{
    private const int LongestLife = 30 * 24 * 3600;

    private static readonly BodyFields<PrefixBody> s_fields = new(
    [
        new("name", """{"type":"string","pattern":"^[A-Za-z0-9._-]{1,64}$"}""", "What requests call it in their field prefix.", (body, field) => body.Name = Names().IsMatch(field.Text(64)) ? field.Text() : throw field.Wrong("1 to 64 letters, digits, and . _ -")),
        new("text", """{"type":"string","minLength":1}""", "A text; or else tokens or messages.", (body, field) => Set(body, new PromptSource(field.Text(), null))),
        new("tokens", """{"type":"array","minItems":1,"items":{"type":"integer","minimum":0}}""", "Token ids.", (body, field) => Set(body, new PromptSource(null, field.TokenIds()))),
        new("messages", ChatMessages.Schema, "The beginning of conversations, such as a system message.", (body, field) =>
        {
            body.Chat.Messages = ChatMessages.Read(field);
            body.Sources++;
        }),
        BodyField<PrefixBody>.Whole("ttl_seconds", 1, LongestLife, "When it is forgotten. Default: when the server stops.", (body, seconds) => body.TtlSeconds = seconds),
        BodyField<PrefixBody>.Text("cache_salt", 256, "Requests that use it share under this salt.", (body, salt) => body.CacheSalt = salt),
        BodyField<PrefixBody>.Flag("public", "Let other keys use it; for keys that the operator lets publish.", (body, isPublic) => body.Public = isPublic),
        BodyField<PrefixBody>.Text("model", 256, "The served model's name; may be left out.", (body, name) => body.Model = name),
    ]);

    public ApiOperation[] Operations() =>
    [
        new("POST", "/v1/prefixes", "Declares a prefix and keeps it in the cache.", AddAsync, ApiBody.Of(s_fields, "name")),
        new("GET", "/v1/prefixes", "The prefixes that the key may use.", ListAsync),
        new("GET", "/v1/prefixes/{id}", "A prefix.", context => Respond.JsonAsync(context, json => Write(json, prefixes.Find(callers.Of(context.Request), Id(context))))),
        new("DELETE", "/v1/prefixes/{id}", "Forgets a prefix.", DeleteAsync),
    ];

    private static string Id(HttpContext context) => (string)context.Request.RouteValues["id"]!;

    private static void Set(PrefixBody body, PromptSource prompt)
    {
        body.Prompt = prompt;
        body.Sources++;
    }

    private async Task AddAsync(HttpContext context)
    {
        Caller caller = callers.Of(context.Request);
        PrefixBody body;
        using (JsonDocument document = await RequestBody.ReadAsync(context.Request, limits.BodyBytes))
        {
            body = s_fields.Read(new Field("The body", document.RootElement));
            body.Bytes = JsonMarshal.GetRawUtf8Value(document.RootElement).Length;
        }

        model.Expect(body.Model);
        if (body.Name is null) throw ApiException.Invalid("name", "The field name is missing.", "missing_required_parameter");
        if (body.Sources != 1) throw ApiException.Invalid("text", $"The prefix is one of text, tokens and messages; {body.Sources} of them are given.", "missing_required_parameter");
        if (body.Public && !caller.MayPublish) throw new ApiException(403, "Your key may not make prefixes public; the operator lets a key do so with 'publish' in the file of keys.") { Param = "public", Code = "not_permitted" };
        body.Chat.AddGenerationPrompt = false;
        body.Chat.Cancellation = context.RequestAborted;
        using IDisposable place = admission.Enter(caller, 1);
        int[] tokens = await preparation.EncodeAsync(body.Bytes, () => body.Prompt is null ? model.Encode(body.Chat, body.Chat.Messages!, out _) : model.Encode(body.Prompt), caller, Urgency.Awaited, context.RequestAborted);
        if (tokens.Length > limits.PromptTokens) throw new ApiException(400, $"The prefix has {tokens.Length} tokens; this server takes {limits.PromptTokens}.") { Code = "context_length_exceeded" };
        Prefix prefix = await prefixes.AddAsync(caller, body, tokens);
        await Respond.JsonAsync(context, json => Write(json, prefix));
    }

    private Task ListAsync(HttpContext context)
    {
        IReadOnlyList<Prefix> all = prefixes.Of(callers.Of(context.Request));
        return Respond.JsonAsync(context, json =>
        {
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            foreach (Prefix prefix in all)
            {
                json.WriteStartObject();
                Write(json, prefix);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private Task DeleteAsync(HttpContext context)
    {
        Caller caller = callers.Of(context.Request);
        Prefix prefix = prefixes.Find(caller, Id(context));
        if (prefix.Owner != caller.Name) throw new ApiException(403, $"The prefix '{prefix.Name}' is another key's; only that key deletes it.") { Code = "not_permitted" };
        prefixes.Remove(prefix);
        return Respond.JsonAsync(context, json =>
        {
            json.WriteString("id", prefix.Name);
            json.WriteString("object", "prefix.deleted");
            json.WriteBoolean("deleted", true);
        });
    }

    private static void Write(Utf8JsonWriter json, Prefix prefix)
    {
        (long tokens, long bytes) = prefix.Pinned;
        json.WriteString("id", prefix.Name);
        json.WriteString("object", "prefix");
        json.WriteNumber("created_at", prefix.CreatedAt);
        if (prefix.ExpiresAt is long end) json.WriteNumber("expires_at", end);
        else json.WriteNull("expires_at");
        json.WriteString("kind", prefix.Source.Messages is not null ? "messages" : prefix.Source.Prompt!.Text is not null ? "text" : "tokens");
        json.WriteBoolean("public", prefix.IsPublic);
        json.WriteNumber("tokens", prefix.Tokens.Length);
        json.WriteNumber("pinned_tokens", tokens);
        json.WriteNumber("pinned_bytes", bytes);
        json.WriteNumber("requests", prefix.Requests);
        json.WriteNumber("cached_tokens", prefix.CachedTokens);
    }

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,64}\z")]
    private static partial Regex Names();
}
