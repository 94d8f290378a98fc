using System.Text;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Cli.BatchFiles;

/// <summary>Turns a line's bytes into a request: OpenAI's batch form, or the short form in which the body is the line. Either may hold a prompt or a conversation.</summary>
internal sealed class LineParser
{
    /// <summary>The API's own default, which files in its form expect.</summary>
    public const int MaxTokensOfApi = 16;

    /// <summary>The API's own default for chats is none: an answer ends where the model ends it, or with the context.</summary>
    public const int MaxTokensOfChat = int.MaxValue;

    public const int MaxTokensOfShortForm = 256;

    private const string CompletionsUrl = "/v1/completions", ChatUrl = "/v1/chat/completions";

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Func<int, JsonField, BatchLine> _read;
    private readonly string[] _idNames;

    // Ids in use, and the line that has each.
    private readonly Dictionary<string, int> _lineOfId = new(StringComparer.Ordinal);

    /// <summary>Reads requests for answers.</summary>
    public LineParser()
        : this((number, line) => IsApiForm(line) ? ReadApiForm(number, line) : ReadShortForm(number, line), "custom_id")
    {
    }

    /// <param name="read">Makes a line of its number and fields; what it throws makes a bad line.</param>
    /// <param name="idNames">Fields that may hold the line's name.</param>
    public LineParser(Func<int, JsonField, BatchLine> read, params string[] idNames) => (_read, _idNames) = (read, idNames);

    /// <summary>Never throws for what a line holds: it becomes a <see cref="BadLine"/>.</summary>
    public BatchLine Parse(int number, ReadOnlyMemory<byte> utf8)
    {
        string? customId = null;
        try
        {
            s_utf8.GetCharCount(utf8.Span);
            using JsonDocument document = StrictJson.Parse(utf8);
            JsonField line = new("The line", document.RootElement);
            if (line.Value.ValueKind != JsonValueKind.Object) throw line.Wrong("an object");
            customId = CustomId(line);
            if (customId is not null && _lineOfId.TryGetValue(customId, out int earlier))
            {
                string taken = customId;
                customId = null;
                throw new InvalidRequestException($"{_idNames[0]} '{JsonField.Shortened(taken)}' is taken by line {earlier}; ids must differ, or results could not be told apart.");
            }
            BatchLine read = _read(number, line);
            Decode(utf8.Span);
            return read with { CustomId = Take(number, customId) };
        }
        catch (DecoderFallbackException e)
        {
            return Bad(number, customId, $"The line is not UTF-8 (byte {e.Index + 1}).");
        }
        catch (JsonException e)
        {
            return Bad(number, customId, JsonFault.OfLine("The line", e));
        }
        catch (InvalidRequestException e)
        {
            return Bad(number, customId, e.Message);
        }
        catch (InvalidOperationException)       // of the JSON reader, about an escape that is no character
        {
            return Bad(number, customId, "The line holds half a surrogate pair (\\ud800 to \\udfff); it must be Unicode text.");
        }
    }

    // A template reads tools and variables later, and must not be the first to find out that a text is none.
    private static void Decode(ReadOnlySpan<byte> utf8)
    {
        Utf8JsonReader json = new(utf8);
        while (json.Read())
        {
            if (json.TokenType == JsonTokenType.String && json.ValueIsEscaped) _ = json.GetString();
        }
    }

    /// <summary>A line that was not even kept.</summary>
    public BadLine TooLong(int number, long byteCount, int mostBytes) =>
        Bad(number, null, $"The line has {byteCount} bytes and may have {mostBytes}. Is the end of the line before it missing?");

    private BadLine Bad(int number, string? customId, string message) => new(number, Take(number, customId), LineError.Invalid(message));

    // Lines without an id are called by their number, told apart from ids that happen to look the same. The name depends only on
    // the lines so far, so that a second reading of the file gives the same names.
    private string Take(int number, string? customId)
    {
        string id = customId ?? $"line-{number}";
        for (int i = 2; !_lineOfId.TryAdd(id, number); i++) id = $"line-{number} ({i})";
        return id;
    }

    private string? CustomId(JsonField line)
    {
        foreach (string name in _idNames)
        {
            if (!line.Value.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null) continue;
            string id = new JsonField(name, value).Text();
            return id.Length > 0 ? id : throw new InvalidRequestException($"{name} is empty; give it a text or leave it out.");
        }
        return null;
    }

    private static bool IsApiForm(JsonField line) =>
        line.Value.TryGetProperty("body", out _) || line.Value.TryGetProperty("url", out _) || line.Value.TryGetProperty("method", out _);

    private static PromptLine ReadApiForm(int number, JsonField line)
    {
        JsonField? url = null, bodyField = null;
        string[] expected = [];
        foreach (JsonField field in line.Properties())
        {
            switch (field.Name)
            {
                case "custom_id": break;
                case "method" when field.Text() is "POST": break;
                case "method": throw field.Wrong("\"POST\"");
                case "url": url = field; break;
                case "body": bodyField = field; break;
                case "expected": expected = field.Texts(); break;
                default: throw new InvalidRequestException($"The field '{JsonField.Shortened(field.Name)}' is unknown. Known beside body: custom_id, method, url, expected.");
            }
        }
        if (url is not JsonField target) throw new InvalidRequestException($"The field url is missing; it must be {CompletionsUrl} or {ChatUrl}.");
        bool isChat = target.Text() == ChatUrl;
        if (!isChat && target.Text() != CompletionsUrl) throw target.Wrong($"{CompletionsUrl} or {ChatUrl}");
        if (bodyField is not JsonField body) throw new InvalidRequestException("The field body is missing.");
        if (body.Value.ValueKind != JsonValueKind.Object) throw body.Wrong("an object");

        return isChat ? Finish(number, ChatFields.Fields.Read(body.Properties()), expected, MaxTokensOfChat)
            : Finish(number, CompletionFields.Fields.Read(body.Properties()), expected, MaxTokensOfApi);
    }

    private static PromptLine ReadShortForm(int number, JsonField line)
    {
        string[] expected = [];
        List<JsonField> body = [];
        foreach (JsonField field in line.Properties())
        {
            if (field.Name is "expected") expected = field.Texts();
            else if (field.Name is not "custom_id") body.Add(field);
        }
        BodyFields fields = body.Exists(field => field.Name == "messages") ? ChatFields.Fields : CompletionFields.Fields;
        return Finish(number, fields.Read(body), expected, MaxTokensOfShortForm);
    }

    private static PromptLine Finish(int number, Body body, string[] expected, int defaultMaxTokens)
    {
        return new PromptLine(number, "") { Prompt = body.Prompt!, Options = body.Options, Constraint = body.Constraint, MaxTokens = body.MaxTokens, DefaultMaxTokens = defaultMaxTokens, Expected = expected };
    }
}
