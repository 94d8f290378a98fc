using System.Text.Json;

namespace Coppice.Tests.Templates;

public sealed class OmissionsTests : IDisposable
{
    private const string CallsWithoutContent = "{% for m in messages %}{% if m.tool_calls %}{% for c in m.tool_calls %}[{{ c.function.name }}|{{ c.function.arguments | tojson }}]{% endfor %}{% else %}{{ m.role }}:{{ m.content }}{% endif %};{% endfor %}";
    private const string FirstResult = "{% for m in messages %}{% if m.role == 'tool' %}{% if messages[loop.index0 - 1].role == 'assistant' %}T:{{ m.content }}{% endif %}{% else %}{{ m.role }}:{{ m.content }}{% for c in m.tool_calls or [] %}[{{ c.function.name }}|{{ c.function.arguments | tojson }}]{% endfor %}{% endif %};{% endfor %}";
    private const string CallsBeforeResults = "{% for m in messages %}{{ m.role }}:{{ m.content }}{% if not loop.last %}{% for c in m.tool_calls or [] %}[{{ c.function.name }}|{{ c.function.arguments | tojson }}]{% endfor %}{% endif %};{% endfor %}";
    private const string Thoughts = "{% for m in messages %}{% if not (m.tool_calls and messages[-1].role == 'assistant' and not loop.last) %}{{ m.content }}{% endif %}{% for c in m.tool_calls or [] %}[{{ c.function.name }}|{{ c.function.arguments | tojson }}]{% endfor %};{% endfor %}";
    private const string Shouting = "{% for m in messages %}{{ m.content | upper }}{% for c in m.tool_calls or [] %}[{{ c.function.arguments | tojson }}]{% endfor %};{% endfor %}";
    private const string Written = "{% for m in messages %}{{ m.content | tojson }};{% endfor %}";

    private static readonly ChatToolCall s_call = new("c1", "clock", """{"zone": "UTC"}""");
    private static readonly ChatMessage s_ask = new("user", "what time is it?"), s_calling = new("assistant", "") { ToolCalls = [s_call] }, s_answering = new("tool", "noon") { ToolCallId = "c1" };

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Content_that_is_dropped_beside_a_call_is_refused()
    {
        Assert.Contains("messages[1] has content beside tool_calls", Refusal(CallsWithoutContent, s_ask, s_calling with { Content = "let me see" }, s_answering), StringComparison.Ordinal);
        Assert.Equal("user:what time is it?;[clock|{\"zone\": \"UTC\"}];tool:noon;", Render(CallsWithoutContent, s_ask, s_calling with { Content = " \n" }, s_answering));
    }

    [Theory]
    [InlineData("night")]
    [InlineData("noon")]
    public void A_second_result_that_is_dropped_is_refused_even_if_it_says_the_same(string second) =>
        Assert.Contains("messages[3] has the role 'tool'", Refusal(FirstResult, s_ask, s_calling, s_answering, s_answering with { Content = second }), StringComparison.Ordinal);

    [Fact]
    public void The_place_is_that_of_the_request_where_system_messages_were_merged()
    {
        const string template = "{% if messages[0].role == 'system' %}S:{{ messages[0].content }};{% set messages = messages[1:] %}{% endif %}{% for m in messages %}{% if m.role == 'user' or loop.index0 == 1 or m.role == 'critic' and loop.last %}{{ m.content }};{% endif %}{% endfor %}";
        Assert.Contains("messages[4] has the role 'critic'", Refusal(template, new("system", "one"), new("system", "two"), s_ask, new("assistant", "noon"), new("critic", "no"), s_ask), StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_that_are_dropped_at_the_end_are_refused()
    {
        Assert.Contains("messages[1] has tool_calls", Refusal(CallsBeforeResults, s_ask, s_calling), StringComparison.Ordinal);
        using JsonDocument call = JsonDocument.Parse("""{"role": "assistant", "tool_calls": [{"function": {"name": "clock", "arguments": "{}"}}]}""");
        Assert.Contains("messages[1] has tool_calls", Refusal(CallsBeforeResults, s_ask, ChatMessage.FromJson(call.RootElement)), StringComparison.Ordinal);
        Assert.Contains("[clock|", Render(CallsBeforeResults, s_ask, s_calling, s_answering), StringComparison.Ordinal);
    }

    [Fact]
    public void Thoughts_that_are_shown_until_the_answer_is_there_may_be_dropped_behind_it() =>
        Assert.DoesNotContain("let me see", Render(Thoughts, s_ask, s_calling with { Content = "let me see" }, s_answering, new("assistant", "It is noon.")), StringComparison.Ordinal);

    [Theory]
    [InlineData(Shouting, "WHAT TIME IS IT?;[{\"zone\": \"UTC\"}];NOON;")]
    [InlineData(Written, "\"what time is it?\";\"\";\"noon\";")]
    public void Content_that_is_changed_is_not_dropped(string template, string prompt) =>
        Assert.Equal(prompt, Render(template, s_ask, template == Shouting ? s_calling : new ChatMessage("assistant", ""), template == Shouting ? s_answering : new ChatMessage("user", "noon")));

    [SharedTheory]
    [InlineData("meta-llama-Llama-3.1-8B-Instruct.jinja", "beside tool_calls")]
    [InlineData("meta-llama-Llama-3.2-3B-Instruct.jinja", "beside tool_calls")]
    [InlineData("Qwen-Qwen3-0.6B.jinja", null)]
    [InlineData("openai-gpt-oss-120b.jinja", null)]
    public void Current_models_show_content_beside_a_call_or_it_is_refused(string name, string? refusal)
    {
        ChatTemplates templates = ChatTemplates.FromFile(TestData.Shared("testdata/chat/models/" + name));
        ChatTemplateInput input = new() { Messages = [s_ask, s_calling with { Content = "let me see" }, s_answering] };
        if (refusal is null) Assert.Contains("let me see", templates.Render(input), StringComparison.Ordinal);
        else Assert.Contains(refusal, Assert.Throws<InvalidRequestException>(() => templates.Render(input)).Message, StringComparison.Ordinal);
    }

    [SharedTheory]
    [InlineData("deepseek-ai-DeepSeek-V3.1.jinja", "function")]
    [InlineData("google-gemma-4-31B-it.jinja", "tool")]
    public void A_role_that_a_current_model_drops_at_its_place_is_refused(string name, string role)
    {
        ChatTemplates templates = ChatTemplates.FromFile(TestData.Shared("testdata/chat/models/" + name));
        ChatTemplateInput input = new() { Messages = [s_ask, s_answering with { Role = role }] };
        Assert.Contains($"messages[1] has the role '{role}'", Assert.Throws<InvalidRequestException>(() => templates.Render(input)).Message, StringComparison.Ordinal);
    }

    private string Refusal(string template, params ChatMessage[] messages) => Assert.Throws<InvalidRequestException>(() => Render(template, messages)).Message;

    private string Render(string template, params ChatMessage[] messages)
    {
        File.WriteAllText(_file, template);
        return ChatTemplates.FromFile(_file).Render(new ChatTemplateInput { Messages = messages });
    }
}
