namespace Coppice.Templates;

/// <summary>
/// Puts small conversations of marked texts through a template, once, and looks which marks come out. So it is known before the first request what the template
/// would drop without a word. Few renderings with few steps each: whatever the template is, this takes milliseconds.
/// </summary>
internal sealed class TemplateProbe
{
    private const string User = "zuqa1", Assistant = "zuqa2", First = "zuqa3", Later = "zuqa4", Name = "zuqa5", Reasoning = "zuqa6", Result = "zuqa7", Tool = "zuqa8", Argument = "zuqa9";
    private const string CallId = "zuqacall1";   // nine letters and digits, which Mistral's templates ask for

    // Decided by steps, not by time, so that a busy machine finds out the same.
    private static readonly ChatTemplateLimits s_limits = new() { Steps = 300_000, OutputCharacters = 1 << 19 };

    private readonly ChatTemplate _template;
    private bool _takesParts;
    private bool _needsTools;

    private TemplateProbe(ChatTemplate template) => _template = template;

    public static TemplateFindings Run(ChatTemplate template) => new TemplateProbe(template).Find();

    private TemplateFindings Find()
    {
        if (!ShowsUser()) return TemplateFindings.Nothing;
        TemplateFindings calls = FindCalls();
        return calls with
        {
            TakesPartsOnly = _takesParts,
            System = Try([First], [Say("system", First), Ask()]),
            LaterSystem = Try([First, Later], [Say("system", First), Ask(), Answer(), Say("system", Later), Ask()]),
            Developer = Try([First], [Say("developer", First), Ask()]),
            LaterDeveloper = Try([First, Later], [Say("developer", First), Ask(), Answer(), Say("developer", Later), Ask()]),
            Assistant = Try([Assistant], [Ask(), Answer(), Ask()]),
            OtherRoles = Try([First], [Ask(), Say("zuqarole", First), Ask()]),
            Tools = Outcome([Tool], Render([Ask()], withTools: true)),
            Names = Try([Name], [With(Ask(), "name", Name)]),
        };
    }

    // Some templates take only lists of parts, some only conversations with tools.
    private bool ShowsUser()
    {
        foreach ((bool parts, bool tools) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            (_takesParts, _needsTools) = (parts, tools);
            if (Try([User], [Ask()]) == Fate.Shown) return true;
        }
        return false;
    }

    private TemplateFindings FindCalls()
    {
        TemplateFindings found = TemplateFindings.Nothing;
        foreach ((object? content, bool asText) in new[] { ((object?)"", false), ("", true), (null, false), (null, true) })
        {
            List<Map> talk = [Ask(), Calling(content, asText), Answering()];
            string? text = Render(talk, withTools: true);
            Fate calls = Outcome([Argument], text);
            bool isBetter = calls == Fate.Shown && !IsPython(text!);
            if (isBetter || found.ToolCalls == Fate.Unknown || (found.ToolCalls == Fate.Refused && calls == Fate.Dropped))
                found = found with { ToolCalls = calls, ToolResults = Outcome([Result], text) };
            if (!isBetter) continue;
            return found with
            {
                ArgumentsAsText = asText,
                CallsWithoutContent = content is null,
                Reasoning = Outcome([Reasoning], Render([talk[0], With(talk[1], "reasoning_content", Reasoning), talk[2]], withTools: true)),
            };
        }
        return found;
    }

    // {'zuqa9': …} is what a dict prints as, which no model was taught.
    private static bool IsPython(string text) => text.Contains($"'{Argument}'", StringComparison.Ordinal);

    private Fate Try(string[] marks, List<Map> messages) => Outcome(marks, Render(messages, _needsTools));

    private Fate Outcome(string[] marks, string? text)
    {
        if (text is null) return _isOverLimit ? Fate.Unknown : Fate.Refused;
        return Array.TrueForAll(marks, mark => text.Contains(mark, StringComparison.OrdinalIgnoreCase)) ? Fate.Shown : Fate.Dropped;
    }

    private bool _isOverLimit;

    private string? Render(List<Map> messages, bool withTools)
    {
        Dictionary<string, object?> variables = new(StringComparer.Ordinal)
        {
            ["messages"] = Sequence.List([.. messages]),
            ["tools"] = withTools ? Sequence.List([Definition()]) : null,
            ["documents"] = null,
            ["add_generation_prompt"] = true,
            ["bos_token"] = "<s>",
            ["eos_token"] = "</s>",
        };
        try
        {
            _isOverLimit = false;
            return _template.Render(variables, DateTimeOffset.UnixEpoch, s_limits);
        }
        catch (ChatTemplateException e)
        {
            _isOverLimit = e.IsOverLimit;
            return null;
        }
    }

    private Map Ask() => Say("user", User);

    private Map Answer() => Say("assistant", Assistant);

    private Map Say(string role, string text) => new() { ["role"] = role, ["content"] = _takesParts ? MessageForm.Parts(text) : text };

    private Map Calling(object? content, bool asText) => new()
    {
        ["role"] = "assistant",
        ["content"] = content is not null && _takesParts ? Sequence.List([]) : content,
        ["tool_calls"] = Sequence.List([new Map
        {
            ["id"] = CallId,
            ["type"] = "function",
            ["function"] = new Map { ["name"] = Tool, ["arguments"] = asText ? $$"""{"{{Argument}}": "{{Argument}}"}""" : new Map { [Argument] = Argument } },
        }]),
    };

    private Map Answering() => With(With(Say("tool", Result), "tool_call_id", CallId), "name", Tool);

    private static Map Definition() => new()
    {
        ["type"] = "function",
        ["function"] = new Map
        {
            ["name"] = Tool,
            ["description"] = Tool,
            ["parameters"] = new Map
            {
                ["type"] = "object",
                ["properties"] = new Map { ["x"] = new Map { ["type"] = "string", ["description"] = "x" } },
                ["required"] = Sequence.List(["x"]),
            },
        },
    };

    private static Map With(Map message, string name, string value)
    {
        Map copy = new();
        foreach ((object? key, object? old) in message.Pairs) copy[key] = old;
        copy[name] = value;
        return copy;
    }
}
