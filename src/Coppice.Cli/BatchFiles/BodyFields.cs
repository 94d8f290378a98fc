using System.Text.Json;

namespace Coppice.Cli.BatchFiles;

/// <summary>The fields of one kind of body: those of OpenAI's API, and extensions that other engines have by the same names.</summary>
internal sealed class BodyFields
{
    private readonly Dictionary<string, Func<Body, JsonField, Body>> _fields = new(StringComparer.Ordinal);
    private readonly Func<Body, Body> _finish;

    /// <param name="own">The fields that this kind alone has, or means in its own way.</param>
    /// <param name="finish">Checks what only shows when all fields are known, and sets what follows from several.</param>
    public BodyFields(IEnumerable<KeyValuePair<string, Func<Body, JsonField, Body>>> own, Func<Body, Body> finish)
    {
        _finish = finish;
        foreach ((string name, Func<Body, JsonField, Body> add) in own.Concat(s_common)) _fields.Add(name, add);
    }

    private static readonly Dictionary<string, Func<Body, JsonField, Body>> s_common = new(StringComparer.Ordinal)
    {
        ["n"] = (body, field) => body with { Options = body.Options with { N = field.Whole(1, 1024) } },
        ["max_tokens"] = (body, field) => body with { MaxTokens = field.Whole(0) },
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
        ["response_format"] = (body, field) => Constrain(body, ConstraintFields.ReadResponseFormat(field)),
        ["grammar"] = (body, field) => Constrain(body, ConstraintFields.ReadGrammar(field)),
        ["cache_salt"] = (body, field) => body with { Options = body.Options with { CacheSalt = field.Text() } },

        // One model is loaded, whatever the line calls it; a result has no use for a user; results are written whole.
        ["model"] = (body, field) => Ignore(body, field.Text()),
        ["user"] = (body, field) => Ignore(body, field.Text()),
        ["stream"] = (body, field) => field.Flag() ? throw new InvalidRequestException("stream is true; a batch writes each answer whole. Leave it out.") : body,
    };

    /// <summary>Reads a body, or a line that is one.</summary>
    /// <exception cref="InvalidRequestException">A field is unknown or missing, or a value does not fit.</exception>
    public Body Read(IEnumerable<JsonField> fields)
    {
        Body body = _finish(fields.Aggregate(new Body(), Add));
        if (body.MaxTokens < body.Options.MinTokens)
            throw new InvalidRequestException($"min_tokens is {body.Options.MinTokens} and max_tokens is {body.MaxTokens}; min_tokens must not be more.");
        return body;
    }

    private Body Add(Body body, JsonField field)
    {
        if (!_fields.TryGetValue(field.Name, out Func<Body, JsonField, Body>? add))
            throw new InvalidRequestException($"The field '{JsonField.Shortened(field.Name)}' is unknown. Known: {string.Join(", ", _fields.Keys)}.");
        return field.IsNull && field.Name != "prompt" ? body : add(body, field);
    }

    private static Body Constrain(Body body, Func<OutputConstraint>? constraint)
    {
        if (constraint is null) return body;
        if (body.Constraint is not null) throw new InvalidRequestException("response_format and grammar both say what the answer must look like; give one of them.");
        return body with { Constraint = constraint };
    }

    public static Body Ignore<T>(Body body, T value)
    {
        _ = value;
        return body;
    }
}
