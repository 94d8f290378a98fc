using Coppice.Server.Prefixes;
using Coppice.Server.Wire;

namespace Coppice.Server.Serving;

/// <summary>A request for answers, checked and ready for the engine. Each prompt is continued n times: the answers to prompt p are choices [p·n, (p+1)·n).</summary>
internal sealed record Generation(IReadOnlyList<int[]> Prompts, GenerateOptions Options, bool Stream, bool? IncludeUsage)
{
    /// <summary>What is put before the answers to each prompt; null: nothing.</summary>
    public IReadOnlyList<string>? Echoes { get; init; }

    /// <summary>What the prompts begin with, if it was declared.</summary>
    public PrefixUse? Prefix { get; init; }

    /// <summary>How answers call tools; null if they cannot.</summary>
    public ToolUse? Tools { get; init; }

    /// <summary>The prompts are scored and not continued.</summary>
    public bool OnlyEchoes { get; init; }

    /// <summary>The API's default of /v1/completions.</summary>
    private const int DefaultTokens = 16;

    public int Samples => Prompts.Count * (Options.BestOf ?? Options.N);

    public static Generation OfCompletion(ServedModel model, GenerationBody body, ServerLimits limits, Prefix? prefix)
    {
        Expect(model, body);
        IReadOnlyList<PromptSource> sources = body.Prompts ?? throw ApiException.Invalid("prompt", "The field prompt is missing; it is a text or a list of token ids.", "missing_required_parameter");
        if (prefix is not null)
        {
            ShareAs(body, prefix);
            sources = [.. sources.Select(source => Joined(model, prefix, source))];
        }

        int most = body.MaxTokens ?? DefaultTokens, n = body.Options.N, best = body.BestOf is null or 0 ? n : body.BestOf.Value;
        if (most == 0 && !body.Echo) throw ApiException.Invalid("max_tokens", "max_tokens is 0; it must be at least 1 unless echo is true.");
        if (best < n) throw ApiException.Invalid("best_of", $"best_of is {best} and n is {n}; the best n of fewer answers cannot be chosen.");
        if (best > n && body.Stream) throw ApiException.Invalid("best_of", $"best_of is {best} and stream is true; which answers are the best is known only at their end. Leave one of them out.");
        if (best > n) body.Options = body.Options with { BestOf = best };
        Generation generation = Make(model, body, [.. sources.Select(model.Encode)], most, "prompt", limits);
        return body.Echo ? generation with { Echoes = [.. sources.Select(source => source.Text ?? model.Tokenizer.Decode([.. source.Tokens!]))], OnlyEchoes = most == 0 } : generation;
    }

    /// <summary>Texts are joined as texts, so that the prompt is written as if it had been sent whole.</summary>
    private static PromptSource Joined(ServedModel model, Prefix prefix, PromptSource prompt) => prefix.Source.Prompt?.Text is string text && prompt.Text is not null
        ? new PromptSource(text + prompt.Text, null)
        : new PromptSource(null, [.. prefix.Tokens, .. prompt.Tokens ?? model.Tokenizer.Encode(prompt.Text!, Specials.InText)]);

    /// <summary>The prefix is found only in the part of the cache that it is pinned in.</summary>
    private static void ShareAs(GenerationBody body, Prefix prefix)
    {
        if (body.Options.CacheSalt is string salt && salt != prefix.CacheSalt)
            throw ApiException.Invalid("cache_salt", $"cache_salt is not that of the prefix '{prefix.Name}', which would not be found. Leave it out.");
        body.Options = body.Options with { CacheSalt = prefix.CacheSalt };
    }

    public static Generation OfChat(ServedModel model, GenerationBody body, ServerLimits limits, Prefix? prefix)
    {
        Expect(model, body);
        if (body.Chat.Messages is null) throw ApiException.Invalid("messages", "The field messages is missing.", "missing_required_parameter");
        if (body.TopLogProbs is not null && !body.LogProbs) throw ApiException.Invalid("top_logprobs", "top_logprobs is given without logprobs; set logprobs to true.");
        if (body.MaxTokens is int older && body.MaxCompletionTokens is int newer && older != newer)
            throw ApiException.Invalid("max_tokens", $"max_tokens is {older} and max_completion_tokens is {newer}; give one of them.");
        if (body.LogProbs) body.Options = body.Options with { LogProbs = body.TopLogProbs ?? 0 };
        if (prefix is not null)
        {
            if (prefix.Source.Messages is not { } before) throw ApiException.Invalid("prefix", $"The prefix '{prefix.Name}' is a text; a conversation begins with messages. Declare it with messages, or send it to /v1/completions.");
            ShareAs(body, prefix);
            body.Chat.Messages = [.. before, .. body.Chat.Messages];
        }

        int[] prompt = model.Encode(body.Chat, out ToolUse? tools);
        if (tools is not null && body.Options.Constraint is not null) throw ApiException.Invalid("tools", "tools are given and the answer's form is constrained too; a call would not fit. Give one of them, or set tool_choice to none.");
        if (tools?.Constraint is { } form) body.Options = body.Options with { Constraint = form };
        return Make(model, body, [prompt], body.MaxCompletionTokens ?? body.MaxTokens, "messages", limits) with { Tools = tools };
    }

    private static void Expect(ServedModel model, GenerationBody body)
    {
        model.Expect(body.Model);
        if (body.IncludeUsage is not null && !body.Stream) throw ApiException.Invalid("stream_options", "stream_options is for streams; set stream to true or leave it out.");
    }

    private static Generation Make(ServedModel model, GenerationBody body, int[][] prompts, int? maxTokens, string param, ServerLimits limits)
    {
        foreach (int[] prompt in prompts)
        {
            if (prompt.Length == 0) throw ApiException.Invalid(param, $"{param} has no tokens; it needs at least one.");
            if (prompt.Length > limits.PromptTokens)
                throw new ApiException(400, $"The prompt has {prompt.Length} tokens; this server takes {limits.PromptTokens}.") { Param = param, Code = "context_length_exceeded" };
            if (prompt.Length + (maxTokens == 0 ? 0 : 1) > model.MaxContextTokens)
                throw new ApiException(400, $"The prompt has {prompt.Length} tokens and the model takes {model.MaxContextTokens}, the answer included.") { Param = param, Code = "context_length_exceeded" };
            model.Expect(prompt, param);
        }

        if (body.Options.MinTokens > maxTokens) throw ApiException.Invalid("min_tokens", $"min_tokens is {body.Options.MinTokens}; it must not exceed the most tokens of an answer, {maxTokens}.");
        return new Generation(prompts, body.Options with { MaxTokens = maxTokens == 0 ? 1 : maxTokens }, body.Stream, body.IncludeUsage);
    }
}
