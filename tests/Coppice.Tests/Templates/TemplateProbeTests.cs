using System.Text.Json;
using Coppice.Templates;

namespace Coppice.Tests.Templates;

public sealed class TemplateProbeTests : IDisposable
{
    private const string OnlySystemAndUser = "{% for m in messages %}{% if m.role == 'system' %}S:{{ m.content }};{% elif m.role == 'user' %}U:{{ m.content }};{% elif m.role == 'assistant' %}A:{{ m.content }};{% endif %}{% endfor %}";
    private const string OnlyFirstSystem = "{% if messages[0].role == 'system' %}S:{{ messages[0].content }};{% set messages = messages[1:] %}{% endif %}{% for m in messages %}{% if m.role in ['user', 'assistant'] %}{{ m.role }}:{{ m.content }};{% endif %}{% endfor %}";
    private const string Everybody = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% for c in m.tool_calls or [] %}!{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}{{ tools | tojson if tools else '' }}";
    private const string NoSystem = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% elif m.role == 'user' or m.role == 'assistant' %}{{ m.role }}:{{ m.content }};{% endif %}{% endfor %}";
    private const string TextArguments = "{% for m in messages %}{{ m.role + ':' }}{% for c in m.tool_calls or [] %}{{ 'CALL ' + c.function.name + ' ' + c.function.arguments }}{% endfor %}{{ m.content or '' }}\n{% endfor %}";
    private const string PrintedArguments = "{% for m in messages %}{{ m.role }}:{% for c in m.tool_calls or [] %}CALL {{ c.function.name }} {{ c.function.arguments }}{% endfor %}{{ m.content or '' }}\n{% endfor %}";
    private const string CallsWithoutContent = "{% for m in messages %}{% if m.role == 'assistant' and m.content is none %}{% for c in m.tool_calls %}CALL {{ c.function.arguments | tojson }}{% endfor %}{% else %}{{ m.role }}:{{ m.content }}\n{% endif %}{% endfor %}";
    private const string OnlyParts = "{% for m in messages %}{{ m.role }}:{% for part in m.content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %};{% endfor %}";

    private static readonly ChatToolCall s_call = new("c1", "clock", """{"zone": "UTC"}""");

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData(OnlySystemAndUser, "S:D;U:Q;")]
    [InlineData(OnlyFirstSystem, "S:D;user:Q;")]
    [InlineData(Everybody, "<developer>D<user>Q")]
    public void A_developer_is_the_system_where_the_template_does_not_know_the_role(string template, string prompt) =>
        Assert.Equal(prompt, Render(template, new("developer", "D"), new("user", "Q")));

    [Fact]
    public void System_messages_at_the_beginning_become_one_where_the_template_shows_one() =>
        Assert.Equal("S:A\n\nB;user:Q;", Render(OnlyFirstSystem, new("system", "A"), new("developer", "B"), new("user", "Q")));

    [Theory]
    [InlineData(NoSystem, "developer", "developer")]
    [InlineData(OnlySystemAndUser, "tool", "tool")]
    [InlineData(OnlySystemAndUser, "critic", "critic")]
    public void A_role_that_the_template_drops_is_refused_by_name(string template, string role, string named)
    {
        string message = Assert.Throws<InvalidRequestException>(() => Render(template, new("user", "Q"), new("assistant", "A"), new(role, "X"), new("user", "R"))).Message;
        Assert.Contains($"messages[2] has the role '{named}'", message, StringComparison.Ordinal);
        Assert.Contains("user, assistant", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_later_system_message_that_would_be_dropped_is_refused() =>
        Assert.Contains("at this place", Assert.Throws<InvalidRequestException>(() => Render(OnlyFirstSystem, new("system", "A"), new("user", "Q"), new("assistant", "A"), new("system", "B"), new("user", "R"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Calls_and_tools_that_the_template_drops_are_refused()
    {
        Assert.Contains("messages[1] has tool_calls", Assert.Throws<InvalidRequestException>(() => Render(OnlySystemAndUser, new("user", "Q"), new("assistant", "") { ToolCalls = [s_call] })).Message, StringComparison.Ordinal);
        using JsonDocument tools = JsonDocument.Parse("""[{"type": "function", "function": {"name": "f"}}]""");
        Assert.Contains("tools", Assert.Throws<InvalidRequestException>(() => Templates(OnlySystemAndUser).Render(new ChatTemplateInput { Messages = [new("user", "Q")], Tools = tools.RootElement })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Everybody, "<user>Q<assistant>!clock{\"zone\": \"UTC\"}<tool>noon")]
    [InlineData(TextArguments, "user:Q\nassistant:CALL clock {\"zone\": \"UTC\"}\ntool:noon\n")]
    [InlineData(PrintedArguments, "user:Q\nassistant:CALL clock {\"zone\": \"UTC\"}\ntool:noon\n")]
    [InlineData(CallsWithoutContent, "user:Q\nCALL {\"zone\": \"UTC\"}tool:noon\n")]
    public void Arguments_and_content_come_in_the_form_that_the_template_wants(string template, string prompt)
    {
        ChatMessage[] talk = [new("user", "Q"), new("assistant", null) { ToolCalls = [s_call] }, new("tool", "noon") { ToolCallId = "c1" }];
        Assert.Equal(prompt, Render(template, talk));
    }

    [Fact]
    public void Arguments_as_an_object_become_a_text_where_the_template_wants_one()
    {
        using JsonDocument message = JsonDocument.Parse("""{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}, {"function": {"name": "g", "arguments": ""}}]}""");
        Assert.Equal("user:Q\nassistant:CALL f {\"a\": 1}CALL g {}\n", Render(TextArguments, new("user", "Q"), ChatMessage.FromJson(message.RootElement)));
    }

    [Fact]
    public void Content_beside_calls_is_refused_where_the_template_would_drop_the_calls() =>
        Assert.Contains("both content and tool_calls", Assert.Throws<InvalidRequestException>(() => Render(CallsWithoutContent, new("user", "Q"), new("assistant", "x") { ToolCalls = [s_call] })).Message, StringComparison.Ordinal);

    [Fact]
    public void A_text_becomes_a_list_of_parts_where_the_template_takes_only_those() => Assert.Equal("user:Q;", Render(OnlyParts, new ChatMessage("user", "Q")));

    [Theory]
    [InlineData("constant")]
    [InlineData("{{ messages | length }}")]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")]
    [InlineData("{{ raise_exception('never') }}")]
    [InlineData("{{ 'x' * 10000000 }}")]
    public void A_template_that_shows_no_message_is_left_as_it_is(string template) => Assert.Same(TemplateFindings.Nothing, ChatTemplate.Parse(template).Findings);

    [Fact]
    public void A_broken_template_does_not_fail_the_load() => Templates("{% broken").Probe();

    [SharedTheory]
    [InlineData("Qwen-Qwen3-0.6B.jinja", "system, user, assistant, tool", false)]
    [InlineData("openai-gpt-oss-120b.jinja", "system, developer, user, assistant, tool", false)]
    [InlineData("microsoft-Phi-3.5-mini-instruct.jinja", "system, user, assistant", false)]
    [InlineData("deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja", "system, user, assistant, tool", true)]
    [InlineData("meta-llama-Llama-3.1-8B-Instruct.jinja", "system, developer, user, assistant, tool", false)]
    public void The_roles_of_current_models_are_found(string name, string roles, bool argumentsAsText)
    {
        TemplateFindings findings = ChatTemplate.Parse(File.ReadAllText(TestData.Shared("testdata/chat/models/" + name))).Findings;
        Assert.Equal(roles, string.Join(", ", findings.Roles));
        Assert.Equal(argumentsAsText, findings.ArgumentsAsText);
    }

    private string Render(string template, params ChatMessage[] messages) => Templates(template).Render(new ChatTemplateInput { Messages = messages });

    private ChatTemplates Templates(string template)
    {
        File.WriteAllText(_file, template);
        return ChatTemplates.FromFile(_file);
    }
}
