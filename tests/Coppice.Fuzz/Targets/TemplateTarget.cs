using System.Text;
using System.Text.Json;

namespace Coppice.Fuzz.Targets;

/// <summary>A chat template: parsed, and put to two conversations.</summary>
internal static class TemplateTarget
{
    // Less than the usual, so that a second suffices for what is refused for taking long.
    private static readonly ChatTemplateLimits s_limits = new() { Steps = 2_000_000, OutputCharacters = 1 << 20, Time = TimeSpan.FromSeconds(1) };

    private static readonly ChatTemplateInput[] s_conversations =
    [
        new() { Messages = [new ChatMessage("user", "Hello")], BeginOfText = "<s>", EndOfText = "</s>" },
        new()
        {
            Messages =
            [
                new ChatMessage("system", "You are kind.\n"), new ChatMessage("user", "Weather in Graz, <b>now</b>? 😀"),
                new ChatMessage("assistant", null) { ToolCalls = [new ChatToolCall("call12345", "weather", """{"city":"Graz","days":[1,2.5,null]}""")], Reasoning = "Look it up." },
                new ChatMessage("tool", "{\"sun\":true}") { ToolCallId = "call12345", Name = "weather" }, new ChatMessage("assistant", "Sun."), new ChatMessage("user", ""),
            ],
            Tools = JsonElement.Parse("""[{"type":"function","function":{"name":"weather","description":"By city","parameters":{"type":"object","properties":{"city":{"type":"string","enum":["Graz"]},"days":{"type":"array","items":{"type":"number"}}},"required":["city"]}}}]"""),
            BeginOfText = "<s>",
            EndOfText = "</s>",
            Variables = new Dictionary<string, JsonElement>(StringComparer.Ordinal) { ["enable_thinking"] = JsonElement.Parse("true") },
        },
    ];

    public static FuzzTarget Target { get; } = new("template", "Chat templates", Syntax.Text, folder => input =>
    {
        ChatTemplate template = ChatTemplate.Parse(Encoding.UTF8.GetString(input), s_limits);
        foreach (ChatTemplateInput conversation in s_conversations) _ = template.Render(conversation);
    })
    {
        Refusals = [typeof(ChatTemplateException), typeof(InvalidRequestException)],
        Words =
        [
            "{{ ", " }}", "{% ", " %}", "{%- ", " -%}", "{#", "#}", "{% raw %}", "{% endraw %}", "{% for m in messages %}", "{% for k, v in m.items() recursive %}", "{% endfor %}", "{% if ", "{% elif ", "{% else %}", "{% endif %}",
            "{% set ", "{% set x %}", "{% endset %}", "{% set ns = namespace(a=1) %}", "{% set ns.a = ns.a + 1 %}", "{% macro f(a, b=1) %}", "{% endmacro %}", "{{ f(1) }}", "{% call f() %}", "{% endcall %}", "{% filter upper %}", "{% endfilter %}",
            "{% generation %}", "{% endgeneration %}", "{% break %}", "{% continue %}", "caller()", "loop.index", "loop.previtem", "loop(m.x)", "loop.cycle(1,2)", "messages", "tools", "m.content", "m['role']", "messages[0]", "[::-1]", "[1:2]",
            " if ", " else ", " and ", " or ", " not ", " in ", " is ", " not in ", " ** ", " // ", " % ", " ~ ", " == ", " is defined", " is string", " is mapping", "none", "true", "[]", "{}", "()", "'x'", "\"%s %d\"", "'{} {:>5}'.format(1,2)",
            "|tojson(indent=2)", "|map(attribute='a.b')", "|selectattr('role','equalto','user')", "|reject('none')", "|join(',')", "|length", "|trim", "|replace('a','bb')", "|list", "|sort", "|groupby('role')", "|batch(2)", "|slice(3)",
            "|round(2)", "|int", "|float", "|string", "|center(10)", "|wordwrap(5)", "|filesizeformat", "|indent(4)", "|truncate(9)", "|unique", "|sum", "|max", "|dictsort", "|xmlattr", "|default(1)", "|first", "|last", "|random",
            ".split(',')", ".strip()", ".startswith('a')", ".items()", ".get('x', 1)", ".append(1)", ".update({})", ".upper()", ".rjust(9999)", ".encode()", ".__class__", "range(9)", "range(10**9)", "dict(a=1)", "cycler(1,2)", "joiner()", "lipsum()",
            "raise_exception('x')", "strftime_now('%Y-%m-%d')", "namespace()", "'a' * 9", "9**9**9", "1/0", "1%0", "-1", "1e308", "0.1",
        ],
        Nests = [("(", ")"), ("[", "]"), ("{'a':", "}"), ("-", ""), ("not ", ""), ("{% if 1 %}", "{% endif %}"), ("{% for x in [1,2] %}", "{% endfor %}"), ("{% set x %}", "{% endset %}"), ("1 if 1 else ", ""), ("a.b", ""), ("|upper", ""), ("1+", "1"), ("'a'~", "'b'"), ("f(", ")")],
        SharedSeeds = ["testdata/chat/models/*.jinja", "testdata/cases/*.jinja"],
    };
}
