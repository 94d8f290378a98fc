using System.Buffers;
using System.Text;
using System.Text.Json;
using Coppice.Server.Wire;
using Coppice.ToolCalls;

namespace Coppice.Server.Serving;

/// <summary>
/// How a model is told of tools and how its calls are read. A call that is demanded is begun for the model, in its own format, and the
/// answer is held to the schema of the arguments.
/// </summary>
/// <param name="Template">That wrote the conversation.</param>
/// <param name="Opening">Written behind the prompt: the beginning of a call; empty unless one is demanded.</param>
/// <param name="Form">What holds a demanded call to its form.</param>
/// <param name="Parallel">Whether one answer may hold several calls.</param>
internal sealed record ToolUse(ChatTemplate Template, string Opening, ConstraintSource? Form, bool Parallel)
{
    /// <exception cref="ApiException">The model has no known way to call tools.</exception>
    public static ToolUse Of(ChatTemplate template, ToolSource source)
    {
        ToolCallFormat format = ToolCallFormat.Of(template.Source);
        if (format.Kind == ToolCallKind.None)
            throw new ApiException(400, "The model's chat template has no known way to call tools (known are those of Hermes and Qwen, Mistral and Llama 3). Leave tools out, or give --chat-template.") { Param = "tools", Code = "unsupported_parameter" };
        if (!source.Demanded) return new(template, "", null, source.Parallel);
        (KeyValuePair<string, string> Tool, int Index)[] demanded = [.. source.Schemas.Select((tool, i) => (tool, i)).Where(one => source.Named is null || one.tool.Key == source.Named)];
        KeyValuePair<string, string>[] tools = [.. demanded.Select(one => one.Tool)];
        bool isList = format.Kind == ToolCallKind.Mistral;
        Dictionary<string, string> ids = new(StringComparer.Ordinal);
        string[] calls = [.. tools.Select(tool => Call(tool, format.Kind, ids))];
        string one = calls.Length == 1 ? calls[0] : $$"""{"anyOf":[{{string.Join(',', calls)}}]}""";
        string schema = isList ? $$"""{"type":"array","minItems":1,"maxItems":{{(source.Parallel && source.Named is null ? 16 : 1)}},"items":{{one}}}""" : one;
        string opening = format.Kind switch { ToolCallKind.Hermes => format.Open + "\n", ToolCallKind.Mistral => format.Open, _ => "" };
        SchemaStrictness strictness = tools.All(tool => source.Strict.Contains(tool.Key)) ? SchemaStrictness.Strict : SchemaStrictness.BestEffort;
        return new(template, opening, new ConstraintSource(ConstraintKind.JsonSchema, schema, "tools", strictness)
        {
            Blame = "The parameters of a tool that must be called cannot be kept to. ",
            Places = [.. demanded.Select((one, i) => new ConstraintPlace(
                $"{(isList ? "$.items" : "$")}{(tools.Length == 1 ? "" : $".anyOf[{i}]")}.properties.{Arguments(format.Kind)}.allOf[0]",
                $"tools[{one.Index}].function.parameters",
                source.Strict.Contains(one.Tool.Key) ? SchemaStrictness.Strict : SchemaStrictness.BestEffort))],
        }, source.Parallel);
    }

    private static string Arguments(ToolCallKind kind) => kind == ToolCallKind.Llama ? "parameters" : "arguments";

    /// <summary>The schema of a call. Arguments are an object, whatever else the parameters admit.</summary>
    private static string Call(KeyValuePair<string, string> tool, ToolCallKind kind, Dictionary<string, string> ids)
    {
        string arguments = Arguments(kind);
        string schema = $$"""{"type":"object","allOf":[{{Identified(tool, ids)}}]}""";
        return $$"""{"type":"object","properties":{"name":{"const":{{JsonSerializer.Serialize(tool.Key)}}},"{{arguments}}":{{schema}}},"required":["name","{{arguments}}"],"additionalProperties":false}""";
    }

    /// <summary>The parameters with an identifier that no other parameters have: references in them lead from their own root.</summary>
    private static string Identified(KeyValuePair<string, string> tool, Dictionary<string, string> ids)
    {
        using JsonDocument parameters = JsonDocument.Parse(tool.Value);
        if (parameters.RootElement.TryGetProperty("$id", out JsonElement id) && id.ValueKind == JsonValueKind.String && id.GetString() is [not '#', ..] own && (ids.TryAdd(own, tool.Value) || ids[own] == tool.Value)) return tool.Value;
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartObject();
            json.WriteString("$id", $"tool:/{tool.Key}");
            foreach (JsonProperty property in parameters.RootElement.EnumerateObject())
                if (property.Name != "$id") property.WriteTo(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }
}

/// <summary>Reads one answer as it comes: content and calls.</summary>
internal sealed class ToolReader
{
    private readonly ToolUse _use;
    private readonly Tokenizer _tokenizer;
    private readonly ToolCallParser _parser;

    public ToolReader(ToolUse use, Tokenizer tokenizer)
    {
        (_use, _tokenizer, _parser) = (use, tokenizer, ToolCallParser.For(use.Template));
        _parser.Append(use.Opening);
    }

    /// <summary>Calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>Why the answer ended: a demanded call that a stop text cut off is as little whole as one that a limit did.</summary>
    public FinishReason? Finish { get; private set; }

    public ToolCallDelta Read(GenerateChunk chunk)
    {
        ToolCallDelta delta = _parser.Append(chunk, _tokenizer);
        if (chunk.Finish is FinishReason finish)
        {
            bool wasWhole = true;
            ToolCallDelta rest = _use.Form is null ? _parser.Finish() : _parser.FinishDemanded(out wasWhole);
            delta = new(delta.Content + rest.Content, [.. delta.Calls, .. rest.Calls]);
            Finish = wasWhole ? finish : FinishReason.Length;
        }

        if (!_use.Parallel) delta = delta with { Calls = [.. delta.Calls.Take(1 - Math.Min(1, Calls))] };
        Calls += delta.Calls.Count;
        return delta;
    }
}

/// <summary>Puts the answers to one prompt together from what the engine streams, calls apart from content.</summary>
internal sealed class ToolAnswers(ToolUse use, Tokenizer tokenizer, GenerateOptions options)
{
    private readonly One[] _all = [.. Enumerable.Range(0, options.N).Select(_ => new One(new ToolReader(use, tokenizer), new StringBuilder(), [], [], []))];
    private readonly FinishReason[] _ends = new FinishReason[options.N];
    private Usage _usage = new(0, 0, 0);

    public async Task<Answered> ReadAsync(IAsyncEnumerable<GenerateChunk> chunks)
    {
        await foreach (GenerateChunk chunk in chunks)
        {
            One one = _all[chunk.Index];
            ToolCallDelta delta = one.Reader.Read(chunk);
            one.Content.Append(delta.Content);
            one.Calls.AddRange(delta.Calls);
            one.Tokens.Add(chunk.Token);
            if (chunk.LogProb is not null) one.LogProbs.Add(chunk.LogProb);
            if (one.Reader.Finish is { } finish) _ends[chunk.Index] = finish;
            _usage = chunk.Usage ?? _usage;
        }

        GenerateChoice[] choices = [.. _all.Select((one, i) => new GenerateChoice(i, one.Content.ToString(), one.Tokens, options.LogProbs is null ? null : one.LogProbs, _ends[i]))];
        return new Answered(new GenerateResult(choices, _usage), null) { Calls = [.. _all.Select(one => one.Calls)] };
    }

    private sealed record One(ToolReader Reader, StringBuilder Content, List<ToolCall> Calls, List<int> Tokens, List<ChosenLogProb> LogProbs);
}
