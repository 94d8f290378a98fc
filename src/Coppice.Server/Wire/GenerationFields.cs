using System.Text.Json;
using static Coppice.Server.Wire.BodyField<Coppice.Server.Wire.GenerationBody>;

namespace Coppice.Server.Wire;

/// <summary>
/// The fields of /v1/completions and /v1/chat/completions: OpenAI's, and extensions by the names that other engines use.
/// Reading, limits, errors and the description of the API all come from these tables.
/// </summary>
internal static class GenerationFields
{
    public const string PromptSchema = """{"anyOf":[{"type":"string"},{"type":"array","minItems":1,"items":{"type":"string"}},{"type":"array","minItems":1,"items":{"type":"integer","minimum":0}},{"type":"array","minItems":1,"items":{"type":"array","minItems":1,"items":{"type":"integer","minimum":0}}}]}""";

    private const int MostNameCharacters = 256;

    public static BodyFields<GenerationBody> Completions(ServerLimits limits) => new(
    [
        new("prompt", PromptSchema,
            "A text, a list of texts, a list of token ids, or a list of such lists. Each is continued n times.", (body, field) => body.Prompts = ReadPrompts(field, limits.Prompts)),
        Whole("max_tokens", 0, int.MaxValue, "Most tokens of each answer. Default: 16. 0: the prompt is computed and stays in the cache; with echo, its log probabilities alone.", (body, most) => body.MaxTokens = most),
        Whole("logprobs", 0, limits.LogProbs, "Report log probabilities, with this many alternatives.", (body, count) => body.Options = body.Options with { LogProbs = count }),
        Whole("best_of", 0, limits.Samples, "Answers that are made of each prompt; the n of the highest log probability per token are given, the best first. 0: n.", (body, best) => body.BestOf = best),
        Flag("echo", "Put the prompt before its answers; with logprobs its tokens have theirs, all but the first.", (body, echo) => body.Echo = echo),
        Refused("suffix", "the model continues texts and does not fill gaps.", value => value.ValueKind == JsonValueKind.String && value.GetRawText() is "\"\""),
        .. Common(limits),
    ]);

    public static BodyFields<GenerationBody> Chat(ServerLimits limits) => new(
    [
        new("messages", ChatMessages.Schema, "The conversation, oldest message first.", (body, field) => body.Chat.Messages = ChatMessages.Read(field)),
        Whole("max_completion_tokens", 0, int.MaxValue, "Most tokens of each answer; 0: the prompt is computed and stays in the cache. Default: what the model's context leaves.", (body, most) => body.MaxCompletionTokens = most),
        Whole("max_tokens", 0, int.MaxValue, "The older name of max_completion_tokens.", (body, most) => body.MaxTokens = most),
        Flag("logprobs", "Report log probabilities.", (body, wanted) => body.LogProbs = wanted),
        Whole("top_logprobs", 0, limits.LogProbs, "With logprobs: report this many alternatives.", (body, count) => body.TopLogProbs = count),
        Flag("add_generation_prompt", "End the prompt where the answer begins. Default: true.", (body, add) => body.Chat.AddGenerationPrompt = add),
        new("chat_template_kwargs", """{"type":"object"}""", "Further variables of the model's chat template, such as enable_thinking.", (body, field) =>
        {
            foreach (Field variable in field.Properties()) body.Chat.Variables[variable.Name] = variable.Value.Clone();
        }),
        new("tools", ToolSource.ToolsSchema, "Functions that the model may call, in its own format; calls come as tool_calls.", (body, field) => body.Chat.Tools.ReadTools(field)),
        new("tool_choice", ToolSource.ChoiceSchema, "none, auto (default), required, or a function that must be called: the answer is held to the form of a call.", (body, field) => body.Chat.Tools.ReadChoice(field)),
        Flag("parallel_tool_calls", "Whether one answer may call several tools. Default: true. If false, the first call of an answer is given.", (body, parallel) => body.Chat.Tools.Parallel = parallel),
        Refused("functions", "it is the older form of tools.", IsEmptyList),
        Refused("function_call", "it is the older form of tool_choice.", value => IsText(value, "none", "auto")),
        Refused("modalities", "answers are text.", value => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => IsText(item, "text"))),
        Refused("audio", "answers are text."),
        Refused("prediction", "predicted answers are not used."),
        Refused("web_search_options", "the server looks nothing up."),
        Refused("moderation", "nothing is moderated."),
        Refused("store", "answers are not stored.", IsFalse),
        Refused("metadata", "it is for stored answers, and answers are not stored.", value => value.ValueKind == JsonValueKind.Object && !value.EnumerateObject().Any()),
        Refused("reasoning_effort", "the model's template decides; see chat_template_kwargs.", value => IsText(value, "none", "medium")),
        Refused("verbosity", "the model decides.", value => IsText(value, "medium")),
        Refused("service_tier", "there is one tier; see priority.", value => IsText(value, "auto", "default")),
        Refused("prompt_cache_retention", "the cache keeps what was used last.", value => IsText(value, "in_memory")),
        Refused("prompt_cache_options", "the cache keeps what was used last."),
        Text("safety_identifier", 64, "Accepted and not used.", (_, _) => { }),
        .. Common(limits),
    ]);

    private static BodyField<GenerationBody>[] Common(ServerLimits limits) =>
    [
        Text("model", MostNameCharacters, "The served model's name; may be left out.", (body, name) => body.Model = name),
        Whole("n", 1, limits.Samples, "Answers to each prompt: it is computed once.", (body, n) => body.Options = body.Options with { N = n }),
        Whole("min_tokens", 0, int.MaxValue, "Tokens before which nothing ends an answer.", (body, least) => body.Options = body.Options with { MinTokens = least }),
        Real("temperature", 0, 2, "0 takes the likeliest token each time. Default: 1.", (body, value) => body.Options = body.Options with { Temperature = value }),
        // OpenAI's 0 keeps the likeliest token alone; the engine's range ends above it.
        Real("top_p", 0, 1, "Sample among the likeliest tokens that together reach this probability.", (body, value) => body.Options = body.Options with { TopP = Math.Max(value, float.Epsilon) }),
        // Other engines write "all" as -1 or 0.
        Whole("top_k", -1, int.MaxValue, "Sample among this many likeliest tokens; 0 or -1 for all.", (body, k) => body.Options = body.Options with { TopK = Math.Max(0, k) }),
        Real("min_p", 0, 1, "Drop tokens less likely than this share of the likeliest.", (body, value) => body.Options = body.Options with { MinP = value }),
        Real("repetition_penalty", 0.01f, 10, "Above 1 avoids tokens of prompt and answer.", (body, value) => body.Options = body.Options with { RepetitionPenalty = value }),
        Real("presence_penalty", -2, 2, "Above 0 avoids tokens the answer has.", (body, value) => body.Options = body.Options with { PresencePenalty = value }),
        Real("frequency_penalty", -2, 2, "Above 0 avoids tokens the more, the more often the answer has them.", (body, value) => body.Options = body.Options with { FrequencyPenalty = value }),
        new("logit_bias", """{"type":"object","additionalProperties":{"type":"number","minimum":-100,"maximum":100}}""", "Added to the logits of tokens, by token id.", (body, field) => body.Options = body.Options with { LogitBias = field.LogitBias() }),
        new("stop", $$"""{"anyOf":[{"type":"string","minLength":1,"maxLength":1000},{"type":"array","maxItems":{{limits.StopTexts}},"items":{"type":"string","minLength":1,"maxLength":1000} }] }""",
            "Texts that end an answer and are not part of it.", (body, field) => body.Options = body.Options with { Stop = ReadStops(field, limits.StopTexts) }),
        new("stop_token_ids", """{"type":"array","maxItems":64,"items":{"type":"integer","minimum":0}}""", "Tokens that end an answer.", (body, field) =>
        {
            _ = field.Items(64);
            body.Options = body.Options with { StopTokens = field.TokenIds() };
        }),
        Flag("ignore_eos", "Go on past the model's end of text.", (body, ignore) => body.Options = body.Options with { IgnoreEndOfText = ignore }),
        new("response_format", ConstraintFields.Schema, "What the answer must look like: any text, a JSON object, or JSON of a schema.", (body, field) => Constrain(body, field, ConstraintFields.ReadResponseFormat(field))),
        new("grammar", """{"type":"string","maxLength":262144}""", "A grammar in GBNF that the answer must fit.", (body, field) => Constrain(body, field, ConstraintFields.ReadGrammar(field))),
        new("seed", """{"type":"integer"}""", "The same seed, prompt and options draw the same answer, whatever else runs.", (body, field) => body.Options = body.Options with { Seed = field.Whole64() }),
        Flag("stream", "Send the answer as it is made, as server-sent events.", (body, stream) => body.Stream = stream),
        new("stream_options", """{"type":"object","properties":{"include_usage":{"type":"boolean"},"include_obfuscation":{"enum":[false]}}}""", "With stream: include_usage sends a last event with the usage.", ReadStreamOptions),
        // Not below 0: nobody can put himself before the others, only behind them.
        Whole("priority", 0, 1000, "Requests of lower numbers are begun first. Default: 0.", (body, priority) => body.Options = body.Options with { Priority = priority }),
        Text("cache_salt", MostNameCharacters, "Share cached prefixes only with requests of the same salt.", (body, salt) => body.Options = body.Options with { CacheSalt = salt }),
        Text("prefix", 64, "A prefix declared at /v1/prefixes that the prompt begins with.", (body, name) => body.Prefix = name),
        Text("prompt_cache_key", MostNameCharacters, "Accepted and not needed: shared prefixes are found by themselves.", (_, _) => { }),
        Text("user", MostNameCharacters, "Accepted and not used.", (_, _) => { }),
    ];

    private static void Constrain(GenerationBody body, Field field, ConstraintSource? constraint)
    {
        if (constraint is null) return;
        if (body.Constraint is not null) throw ApiException.Invalid(field.Name, "response_format and grammar are both given; an answer fits one of them.");
        body.Constraint = constraint;
    }

    private static bool IsFalse(JsonElement value) => value.ValueKind == JsonValueKind.False;

    private static bool IsEmptyList(JsonElement value) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0;

    // By raw text: GetString throws where half a surrogate pair is escaped.
    private static bool IsText(JsonElement value, params ReadOnlySpan<string> texts) => value.ValueKind == JsonValueKind.String && texts.Contains(value.GetRawText().Trim('"'));

    public static List<PromptSource> ReadPrompts(Field field, int mostPrompts)
    {
        if (field.Value.ValueKind == JsonValueKind.String) return [new PromptSource(field.Text(), null)];
        if (field.Value.ValueKind != JsonValueKind.Array) throw field.Wrong("a text, a list of texts, or token ids");
        if (field.Value.GetArrayLength() == 0) throw field.Wrong("a text or at least one token id");
        if (field.Value[0].ValueKind == JsonValueKind.Number) return [new PromptSource(null, field.TokenIds())];
        return [.. field.Items(mostPrompts).Select(item => item.Value.ValueKind == JsonValueKind.Array ? new PromptSource(null, item.TokenIds()) : new PromptSource(item.Text(), null))];
    }

    private static List<string> ReadStops(Field field, int most)
    {
        if (field.Value.ValueKind != JsonValueKind.Array) return [Stop(field)];
        return [.. field.Items(most).Select(Stop)];

        static string Stop(Field text) => text.Text(1000) is { Length: > 0 } stop ? stop : throw text.Wrong("a text of 1 to 1000 characters");
    }

    private static void ReadStreamOptions(GenerationBody body, Field field)
    {
        foreach (Field property in field.Properties())
        {
            Field option = property with { Name = $"{field.Name}.{property.Name}" };
            if (option.IsNull) continue;
            if (property.Name == "include_usage") body.IncludeUsage = option.Flag();
            else if (property.Name != "include_obfuscation") throw new ApiException(400, $"Unrecognized request argument supplied: {Field.Shortened(option.Name)}") { Param = Field.Shortened(option.Name), Code = "unknown_parameter" };
            else if (option.Flag()) throw ApiException.Invalid(option.Name, $"{option.Name} is not supported: events are not padded.", "unsupported_parameter");
        }

        body.IncludeUsage ??= false;
    }
}
