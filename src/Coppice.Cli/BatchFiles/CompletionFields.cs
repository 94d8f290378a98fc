using System.Text.Json;

namespace Coppice.Cli.BatchFiles;

/// <summary>The body of a completion: one prompt.</summary>
internal static class CompletionFields
{
    public static BodyFields Fields { get; } = new(new Dictionary<string, Func<Body, JsonField, Body>>(StringComparer.Ordinal)
    {
        ["prompt"] = (body, field) => body with { Prompt = ReadPrompt(field) },
        ["best_of"] = (body, field) => body with { Options = body.Options with { BestOf = field.Whole(1, 1024) } },
        ["logprobs"] = (body, field) => body with { Options = body.Options with { LogProbs = field.Whole(0, 20) } },
        ["echo"] = (body, field) => field.Flag() ? throw new InvalidRequestException("echo is true; answers come without their prompts here. Leave it out.") : body,
    }, Finish);

    private static Body Finish(Body body)
    {
        if (body.Prompt is null) throw new InvalidRequestException("The field prompt is missing; it is a text or a list of token ids. (A conversation is given as messages.)");
        if (body.Options.BestOf is int best && best < body.Options.N)
            throw new InvalidRequestException($"best_of is {best} and n is {body.Options.N}; the n returned are chosen from best_of samples, so best_of must not be less.");
        return body;
    }

    // The API also takes a list of prompts; a list of one is common and means the same as its item.
    private static Prompt ReadPrompt(JsonField field)
    {
        if (field.Value.ValueKind == JsonValueKind.String) return Prompt.OfText(field.Text());
        if (field.Value.ValueKind != JsonValueKind.Array) throw field.Wrong("a text or a list of token ids");
        int count = field.Value.GetArrayLength();
        if (count == 0) throw new InvalidRequestException("prompt is an empty list; it must be a text or at least one token id.");
        JsonField first = new("prompt[0]", field.Value[0]);
        if (first.Value.ValueKind is not (JsonValueKind.String or JsonValueKind.Array)) return Prompt.OfTokens(field.TokenIds());
        if (count > 1) throw new InvalidRequestException($"prompt is a list of {count} prompts; give each a line of its own.");
        return ReadPrompt(first with { Name = "prompt" });
    }
}
