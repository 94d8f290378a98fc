using Coppice.Sampling;
using Coppice.Server.Prefixes;
using Coppice.Server.Wire;

namespace Coppice.Server.Serving;

/// <summary>
/// A request for answers as it was read and checked, before anything that takes time: as this it is let in, and then it becomes a
/// <see cref="Generation"/>.
/// </summary>
/// <param name="Body">What was sent.</param>
/// <param name="Options">How each prompt is continued, but for a constraint.</param>
/// <param name="MaxTokens">Most tokens of each answer; null: what the context leaves.</param>
internal sealed record GenerationRequest(GenerationBody Body, GenerateOptions Options, int? MaxTokens)
{
    /// <summary>The API's default of /v1/completions.</summary>
    private const int DefaultTokens = 16;

    /// <summary>What the prompts begin with, if it was declared.</summary>
    public PrefixUse? Prefix { get; init; }

    public bool IsChat => Body.Chat.Messages is not null;

    /// <summary>Answers that are made.</summary>
    public int Samples => (Body.Prompts?.Count ?? 1) * Options.Samples;

    /// <summary>Bytes of text that become tokens, about.</summary>
    public long Length => Body.Bytes + 4L * (Prefix?.Prefix.Tokens.Length ?? 0);

    /// <exception cref="ApiException">What was sent does not fit together.</exception>
    public static GenerationRequest OfCompletion(ServedModel model, GenerationBody body, PrefixUse? prefix)
    {
        if (body.Prompts is null) throw ApiException.Invalid("prompt", "The field prompt is missing; it is a text or a list of token ids.", "missing_required_parameter");
        int n = body.Options.N, best = body.BestOf is null or 0 ? n : body.BestOf.Value;
        if (best < n) throw ApiException.Invalid("best_of", $"best_of is {best} and n is {n}; the best n of fewer answers cannot be chosen.");
        if (best > n && body.Stream) throw ApiException.Invalid("best_of", $"best_of is {best} and stream is true; which answers are the best is known only at their end. Leave one of them out.");
        return Checked(model, body, body.Options with { BestOf = best > n ? best : null }, body.MaxTokens ?? DefaultTokens, prefix);
    }

    /// <inheritdoc cref="OfCompletion"/>
    public static GenerationRequest OfChat(ServedModel model, GenerationBody body, PrefixUse? prefix)
    {
        if (body.Chat.Messages is null) throw ApiException.Invalid("messages", "The field messages is missing.", "missing_required_parameter");
        if (body.TopLogProbs is not null && !body.LogProbs) throw ApiException.Invalid("top_logprobs", "top_logprobs is given without logprobs; set logprobs to true.");
        if (body.MaxTokens is int older && body.MaxCompletionTokens is int newer && older != newer)
            throw ApiException.Invalid("max_tokens", $"max_tokens is {older} and max_completion_tokens is {newer}; give one of them.");
        if (prefix is { Prefix: { Source.Messages: null } text })
            throw ApiException.Invalid("prefix", $"The prefix '{text.Name}' is a text; a conversation begins with messages. Declare it with messages, or send it to /v1/completions.");
        body.Chat.Tools.Check();
        if (body.Chat.Tools.Offered && body.Constraint is not null) throw ApiException.Invalid("tools", "tools are given and the answer's form is constrained too; a call would not fit. Give one of them, or set tool_choice to none.");
        return Checked(model, body, body.LogProbs ? body.Options with { LogProbs = body.TopLogProbs ?? 0 } : body.Options, body.MaxCompletionTokens ?? body.MaxTokens, prefix);
    }

    private static GenerationRequest Checked(ServedModel model, GenerationBody body, GenerateOptions options, int? maxTokens, PrefixUse? prefix)
    {
        model.Expect(body.Model);
        if (body.IncludeUsage is not null && !body.Stream) throw ApiException.Invalid("stream_options", "stream_options is for streams; set stream to true or leave it out.");
        if (options.MinTokens > maxTokens) throw ApiException.Invalid("min_tokens", $"min_tokens is {options.MinTokens}; it must not exceed the most tokens of an answer, {maxTokens}.");
        model.CheckTokens("logit_bias", options.LogitBias?.Keys ?? []);
        model.CheckTokens("stop_token_ids", options.StopTokens);
        // A declared prefix is found only in the part of the cache that it is pinned in.
        if (prefix is { Prefix: { } used })
        {
            if (options.CacheSalt is string salt && salt != used.CacheSalt)
                throw ApiException.Invalid("cache_salt", $"cache_salt is not that of the prefix '{used.Name}', which would not be found. Leave it out.");
            options = options with { CacheSalt = used.CacheSalt };
        }

        return new(body, options with { MaxTokens = maxTokens }, maxTokens) { Prefix = prefix };
    }
}
