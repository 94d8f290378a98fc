using System.Runtime.InteropServices;
using System.Text.Json;
using Coppice.Server.Access;
using Coppice.Server.Batches;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Serving;

/// <summary>The body of /v1/embeddings.</summary>
internal sealed class EmbeddingBody
{
    public EmbedOptions Options { get; set; } = new();

    /// <summary>Bytes of the body.</summary>
    public long Bytes { get; set; }

    public string? Model { get; set; }

    public IReadOnlyList<PromptSource>? Inputs { get; set; }

    public bool Base64 { get; set; }

    public int? Dimensions { get; set; }
}

/// <summary>Texts as vectors: the model's hidden states, pooled.</summary>
internal sealed class EmbeddingEndpoint(ServedModel model, ServerLimits limits, Callers callers, Admission admission, Preparation preparation, CancellationToken stopping)
{
    public const string Path = "/v1/embeddings";

    public BodyFields<EmbeddingBody> Fields { get; } = new(
    [
        new("input", GenerationFields.PromptSchema, "A text, a list of texts, a list of token ids, or a list of such lists.", (body, field) => body.Inputs = GenerationFields.ReadPrompts(field, limits.Prompts)),
        BodyField<EmbeddingBody>.Text("model", 256, "The served model's name; may be left out.", (body, name) => body.Model = name),
        new("encoding_format", """{"type":"string","enum":["float","base64"]}""", "base64: 32-bit floats, little-endian. Default: float.", (body, field) => body.Base64 = field.OneOf("float", "base64") == "base64"),
        BodyField<EmbeddingBody>.Whole("dimensions", 1, int.MaxValue, "Only what the model has.", (body, dimensions) => body.Dimensions = dimensions),
        new("pooling", """{"type":"string","enum":["mean","last"]}""", "The mean over all tokens, the default, or the last token's state.", (body, field) => body.Options = body.Options with { Pooling = field.OneOf("mean", "last") == "last" ? EmbeddingPooling.Last : EmbeddingPooling.Mean }),
        BodyField<EmbeddingBody>.Whole("priority", 0, 1000, "Requests of lower numbers are begun first. Default: 0.", (body, priority) => body.Options = body.Options with { Priority = priority }),
        BodyField<EmbeddingBody>.Text("cache_salt", 256, "Share cached prefixes only with requests of the same salt.", (body, salt) => body.Options = body.Options with { CacheSalt = salt }),
        BodyField<EmbeddingBody>.Text("user", 256, "Accepted and not used.", (_, _) => { }),
    ]);

    public async Task EmbedAsync(HttpContext context)
    {
        Caller caller = callers.Of(context.Request);
        EmbeddingBody body;
        using (JsonDocument document = await RequestBody.ReadAsync(context.Request, limits.BodyBytes)) body = Read(new Field("The body", document.RootElement));
        using IDisposable place = admission.Enter(caller, body.Inputs!.Count);
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        EmbedResult[] results = await ResultsAsync(body, body.Options, caller, Urgency.Awaited, ending.Token);
        await Respond.JsonAsync(context, output => WriteAsync(output, results, body.Base64));
    }

    /// <summary>Reads a request that came in a file.</summary>
    public LineWork ReadLine(Field root, Caller caller)
    {
        EmbeddingBody body = Read(root);
        EmbedOptions options = body.Options with { Priority = Math.Max(body.Options.Priority, LineWork.Priority) };
        return new LineWork(body.Inputs!.Count, 0, async (output, cancellation) =>
        {
            EmbedResult[] results = await ResultsAsync(body, options, caller, Urgency.Batch, cancellation);
            using AnswerWriter writer = new(output);
            writer.Json.WriteStartObject();
            await WriteAsync(writer, results, body.Base64);
            writer.Json.WriteEndObject();
        });
    }

    private static EmbedOptions Owned(EmbedOptions options, Caller caller) => options with { CacheSalt = caller.Salt(options.CacheSalt), Owner = caller.Name, OwnerWeight = caller.Weight };

    private EmbeddingBody Read(Field root)
    {
        EmbeddingBody body = Fields.Read(root);
        body.Bytes = JsonMarshal.GetRawUtf8Value(root.Value).Length;
        model.Expect(body.Model);
        if (body.Inputs is null) throw ApiException.Invalid("input", "The field input is missing; it is a text or a list of token ids.", "missing_required_parameter");
        int hidden = model.Engine.Config.HiddenSize;
        if (body.Dimensions is int dimensions && dimensions != hidden)
            throw ApiException.Invalid("dimensions", $"dimensions is {dimensions}; the model's embeddings have {hidden}, and are not shortened here. Leave it out.", "unsupported_parameter");
        return body;
    }

    private async Task<EmbedResult[]> ResultsAsync(EmbeddingBody body, EmbedOptions options, Caller caller, Urgency urgency, CancellationToken cancellation)
    {
        int[][] inputs = await preparation.EncodeAsync(body.Bytes, () => Encoded(body.Inputs!), caller, urgency, cancellation);
        return await AllOrNone.RunAsync(inputs.Length, (i, stop) => model.Engine.EmbedAsync(inputs[i], Owned(options, caller), stop), cancellation);
    }

    private int[][] Encoded(IReadOnlyList<PromptSource> sources)
    {
        int[][] inputs = [.. sources.Select(model.Encode)];
        foreach (int[] input in inputs)
        {
            if (input.Length == 0) throw ApiException.Invalid("input", "input has no tokens; it needs at least one.");
            if (input.Length > limits.PromptTokens) throw new ApiException(400, $"The input has {input.Length} tokens; this server takes {limits.PromptTokens}.") { Param = "input", Code = "context_length_exceeded" };
            if (input.Length > model.MaxContextTokens) throw new ApiException(400, $"The input has {input.Length} tokens and the model takes {model.MaxContextTokens}.") { Param = "input", Code = "context_length_exceeded" };
            model.CheckTokens("input", input);
        }

        return inputs;
    }

    private async Task WriteAsync(AnswerWriter output, EmbedResult[] results, bool base64)
    {
        Utf8JsonWriter json = output.Json;
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        for (int i = 0; i < results.Length; i++)
        {
            json.WriteStartObject();
            json.WriteString("object", "embedding");
            json.WriteNumber("index", i);
            if (base64)
            {
                float[] values = [.. results[i].Values];
                json.WriteBase64String("embedding", MemoryMarshal.AsBytes<float>(values));
            }
            else
            {
                json.WriteStartArray("embedding");
                foreach (float value in results[i].Values) json.WriteNumberValue(value);
                json.WriteEndArray();
            }

            json.WriteEndObject();
            await output.DrainAsync();
        }

        json.WriteEndArray();
        json.WriteString("model", model.Name);
        int tokens = results.Sum(result => result.Usage.PromptTokens);
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", tokens);
        json.WriteNumber("total_tokens", tokens);
        json.WriteEndObject();
    }
}
