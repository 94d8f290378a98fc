using System.Text.Json;

namespace Coppice.Cli.BatchFiles;

/// <summary>The body of a completion request, as far as it has been read.</summary>
internal sealed record Body
{
    public Prompt? Prompt { get; init; }

    public GenerateOptions Options { get; init; } = new();

    public int? MaxTokens { get; init; }
}

/// <summary>The fields of a body: those of OpenAI's completions API, and extensions that other engines have by the same names.</summary>
internal static class BodyFields
{
    private static readonly Dictionary<string, Func<Body, JsonField, Body>> s_fields = new(StringComparer.Ordinal)
    {
        ["prompt"] = (body, field) => body with { Prompt = ReadPrompt(field) },
        ["n"] = (body, field) => body with { Options = body.Options with { N = field.Whole(1, 1024) } },
        ["best_of"] = (body, field) => body with { Options = body.Options with { BestOf = field.Whole(1, 1024) } },
        ["max_tokens"] = (body, field) => body with { MaxTokens = field.Whole(1) },
        ["min_tokens"] = (body, field) => body with { Options = body.Options with { MinTokens = field.Whole(0) } },
        ["temperature"] = (body, field) => body with { Options = body.Options with { Temperature = field.Real(0, 2) } },
        ["top_p"] = (body, field) => body with { Options = body.Options with { TopP = field.AboveZero(1) } },
        // Other engines write "all" as -1, this one as 0.
        ["top_k"] = (body, field) => body with { Options = body.Options with { TopK = Math.Max(0, field.Whole(-1)) } },
        ["min_p"] = (body, field) => body with { Options = body.Options with { MinP = field.Real(0, 1) } },
        ["repetition_penalty"] = (body, field) => body with { Options = body.Options with { RepetitionPenalty = field.AboveZero(10) } },
        ["presence_penalty"] = (body, field) => body with { Options = body.Options with { PresencePenalty = field.Real(-2, 2) } },
        ["frequency_penalty"] = (body, field) => body with { Options = body.Options with { FrequencyPenalty = field.Real(-2, 2) } },
        ["logit_bias"] = (body, field) => body with { Options = body.Options with { LogitBias = field.LogitBias() } },
        ["stop"] = (body, field) => body with { Options = body.Options with { Stop = field.Texts() } },
        ["stop_token_ids"] = (body, field) => body with { Options = body.Options with { StopTokens = field.TokenIds() } },
        ["ignore_eos"] = (body, field) => body with { Options = body.Options with { IgnoreEndOfText = field.Flag() } },
        ["seed"] = (body, field) => body with { Options = body.Options with { Seed = field.Whole64() } },
        ["logprobs"] = (body, field) => body with { Options = body.Options with { LogProbs = field.Whole(0, 20) } },
        ["cache_salt"] = (body, field) => body with { Options = body.Options with { CacheSalt = field.Text() } },

        // One model is loaded, whatever the line calls it; a result has no use for a user; results are written whole.
        ["model"] = (body, field) => Ignore(body, field.Text()),
        ["user"] = (body, field) => Ignore(body, field.Text()),
        ["stream"] = (body, field) => field.Flag() ? throw new InvalidRequestException("stream is true; a batch writes each answer whole. Leave it out.") : body,
        ["echo"] = (body, field) => field.Flag() ? throw new InvalidRequestException("echo is true; answers come without their prompts here. Leave it out.") : body,
    };

    /// <summary>Takes one field in.</summary>
    /// <exception cref="InvalidRequestException">The field is unknown, or its value does not fit.</exception>
    public static Body Add(Body body, JsonField field)
    {
        if (field.Name is "messages") throw new InvalidRequestException("messages is for chat, and chat lines are not run yet; send the text as prompt.");
        if (!s_fields.TryGetValue(field.Name, out Func<Body, JsonField, Body>? add))
            throw new InvalidRequestException($"The field '{JsonField.Shortened(field.Name)}' is unknown. Known: {string.Join(", ", s_fields.Keys)}.");
        return field.IsNull && field.Name != "prompt" ? body : add(body, field);
    }

    /// <summary>What only shows when all fields are known.</summary>
    public static void Check(Body body)
    {
        if (body.Prompt is null) throw new InvalidRequestException("The field prompt is missing; it is a text or a list of token ids.");
        if (body.Options.BestOf is int best && best < body.Options.N)
            throw new InvalidRequestException($"best_of is {best} and n is {body.Options.N}; the n returned are chosen from best_of samples, so best_of must not be less.");
        if (body.MaxTokens < body.Options.MinTokens)
            throw new InvalidRequestException($"min_tokens is {body.Options.MinTokens} and max_tokens is {body.MaxTokens}; min_tokens must not be more.");
    }

    // The API also takes a list of prompts; a list of one is common and means the same as its item.
    private static Prompt ReadPrompt(JsonField field)
    {
        if (field.Value.ValueKind == JsonValueKind.String) return new Prompt(field.Text(), null);
        if (field.Value.ValueKind != JsonValueKind.Array) throw field.Wrong("a text or a list of token ids");
        int count = field.Value.GetArrayLength();
        if (count == 0) throw new InvalidRequestException("prompt is an empty list; it must be a text or at least one token id.");
        JsonField first = new("prompt[0]", field.Value[0]);
        if (first.Value.ValueKind is not (JsonValueKind.String or JsonValueKind.Array)) return new Prompt(null, field.TokenIds());
        if (count > 1) throw new InvalidRequestException($"prompt is a list of {count} prompts; give each a line of its own.");
        return ReadPrompt(first with { Name = "prompt" });
    }

    private static Body Ignore(Body body, string value)
    {
        _ = value;
        return body;
    }
}
