using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
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
        string at = isList ? "#/items" : "#";
        string one = tools.Length == 1 ? Call(tools[0], format.Kind, at) : $$"""{"anyOf":[{{string.Join(',', tools.Select((tool, i) => Call(tool, format.Kind, $"{at}/anyOf/{i}")))}}]}""";
        string schema = isList ? $$"""{"type":"array","minItems":1,"maxItems":{{(source.Parallel && source.Named is null ? 16 : 1)}},"items":{{one}}}""" : one;
        string opening = format.Kind switch { ToolCallKind.Hermes => format.Open + "\n", ToolCallKind.Mistral => format.Open, _ => "" };
        SchemaStrictness strictness = tools.All(tool => source.Strict.Contains(tool.Key)) ? SchemaStrictness.Strict : SchemaStrictness.BestEffort;
        return new(template, opening, new ConstraintSource(ConstraintKind.JsonSchema, schema, "tools", strictness)
        {
            Blame = "The parameters of a tool that must be called cannot be kept to. ",
            Places = [.. demanded.Select((one, i) => new ConstraintPlace(
                $"{(isList ? "$.items" : "$")}{(tools.Length == 1 ? "" : $".anyOf[{i}]")}.properties.{Arguments(format.Kind)}",
                $"tools[{one.Index}].function.parameters",
                source.Strict.Contains(one.Tool.Key) ? SchemaStrictness.Strict : SchemaStrictness.BestEffort))],
        }, source.Parallel);
    }

    private static string Arguments(ToolCallKind kind) => kind == ToolCallKind.Llama ? "parameters" : "arguments";

    private static string Call(KeyValuePair<string, string> tool, ToolCallKind kind, string at)
    {
        string arguments = Arguments(kind);
        JsonNode parameters = JsonNode.Parse(tool.Value)!;
        Move(parameters, $"{at}/properties/{arguments}");
        return $$"""{"type":"object","properties":{"name":{"const":{{JsonSerializer.Serialize(tool.Key)}}},"{{arguments}}":{{parameters.ToJsonString()}}},"required":["name","{{arguments}}"],"additionalProperties":false}""";
    }

    // References lead from the root of the document, which is no longer the schema's own.
    private static void Move(JsonNode? node, string to)
    {
        if (node is JsonArray items)
        {
            foreach (JsonNode? item in items) Move(item, to);
        }
        else if (node is JsonObject properties)
        {
            foreach ((string name, JsonNode? value) in properties.ToArray())
            {
                if (name == "$ref" && value is JsonValue text && text.GetValueKind() == JsonValueKind.String && text.GetValue<string>() is ['#', .. string path]) properties[name] = to + path;
                else Move(value, to);
            }
        }
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

    public ToolCallDelta Read(GenerateChunk chunk)
    {
        ToolCallDelta delta = _parser.Append(chunk, _tokenizer);
        if (chunk.Finish is not null)
        {
            ToolCallDelta rest = _parser.Finish();
            delta = new(delta.Content + rest.Content, [.. delta.Calls, .. rest.Calls]);
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
            if (chunk.Finish is { } finish) _ends[chunk.Index] = finish;
            _usage = chunk.Usage ?? _usage;
        }

        GenerateChoice[] choices = [.. _all.Select((one, i) => new GenerateChoice(i, one.Content.ToString(), one.Tokens, options.LogProbs is null ? null : one.LogProbs, _ends[i]))];
        return new Answered(new GenerateResult(choices, _usage), null) { Calls = [.. _all.Select(one => one.Calls)] };
    }

    private sealed record One(ToolReader Reader, StringBuilder Content, List<ToolCall> Calls, List<int> Tokens, List<ChosenLogProb> LogProbs);
}
