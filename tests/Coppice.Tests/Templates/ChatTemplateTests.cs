using System.Text.Json;

namespace Coppice.Tests.Templates;

public sealed class ChatTemplateTests
{
    private static readonly JsonElement s_tools = Json("""[{"type": "function", "function": {"name": "weather", "description": "Wetter für einen Ort", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}}]""");

    private static readonly ChatMessage[] s_talk = [new("system", "Be brief."), new("user", "Hi"), new("assistant", "Hello."), new("user", "Bye")];

    // The families' published formats, each as a short template of our own.
    private const string ChatMl = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private const string Llama2 = """
        {%- if messages[0]['role'] == 'system' %}
            {%- set system = '<<SYS>>\n' ~ messages[0]['content'] ~ '\n<</SYS>>\n\n' %}
            {%- set turns = messages[1:] %}
        {%- else %}
            {%- set system = '' %}
            {%- set turns = messages %}
        {%- endif %}
        {%- for m in turns %}
            {%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}
                {{- raise_exception('Roles must alternate.') }}
            {%- endif %}
            {%- if m.role == 'user' %}
                {{- bos_token ~ '[INST] ' ~ (system if loop.first else '') ~ m.content | trim ~ ' [/INST]' }}
            {%- else %}
                {{- ' ' ~ m.content | trim ~ ' ' ~ eos_token }}
            {%- endif %}
        {%- endfor %}
        """;

    private const string Llama3 = """
        {{- bos_token }}
        {%- for m in messages %}
            {{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
        {%- endif %}
        """;

    private const string Mistral = """
        {%- set system = messages[0].content if messages[0].role == 'system' else '' -%}
        {{- bos_token }}
        {%- for m in messages if m.role != 'system' %}
            {%- if m.role == 'user' %}
                {{- '[INST] ' + (system + '\n\n' if loop.first and system else '') + m.content + '[/INST]' }}
            {%- else %}
                {{- ' ' + m.content + eos_token }}
            {%- endif %}
        {%- endfor %}
        """;

    private const string Gemma = """
        {{ bos_token }}{% for m in messages %}
        {% set role = 'model' if m.role == 'assistant' else m.role %}
        {{ '<start_of_turn>' ~ role ~ '\n' ~ m.content | trim ~ '<end_of_turn>\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}
        """;

    private const string Phi3 = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}";

    private const string QwenTools = """
        {%- if tools %}
            {{- '<|im_start|>system\n' }}
            {%- if messages[0].role == 'system' %}
                {{- messages[0].content + '\n\n' }}
            {%- endif %}
            {{- '<tools>' }}
            {%- for tool in tools %}
                {{- '\n' }}
                {{- tool | tojson }}
            {%- endfor %}
            {{- '\n</tools><|im_end|>\n' }}
        {%- endif %}
        {%- for m in messages %}
            {%- if m.role == 'user' or (m.role == 'system' and not (loop.first and tools)) %}
                {{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}
            {%- elif m.role == 'assistant' %}
                {{- '<|im_start|>assistant' }}
                {%- if m.content %}{{- '\n' + m.content }}{%- endif %}
                {%- for call in m.tool_calls %}
                    {%- set call = call.function if call.function is defined else call %}
                    {{- '\n<tool_call>\n{"name": "' }}{{- call.name }}{{- '", "arguments": ' }}{{- call.arguments | tojson }}{{- '}\n</tool_call>' }}
                {%- endfor %}
                {{- '<|im_end|>\n' }}
            {%- elif m.role == 'tool' %}
                {{- '<|im_start|>user\n<tool_response>\n' + m.content + '\n</tool_response><|im_end|>\n' }}
            {%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|im_start|>assistant\n' }}
        {%- endif %}
        """;

    [Theory]
    [InlineData(ChatMl, "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData(Llama2, "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. </s><s>[INST] Bye [/INST]")]
    [InlineData(Llama3, "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData(Mistral, "<s>[INST] Be brief.\n\nHi[/INST] Hello.</s>[INST] Bye[/INST]")]
    [InlineData(Gemma, "<s><start_of_turn>system\nBe brief.<end_of_turn>\n<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n")]
    [InlineData(Phi3, "<|system|>\nBe brief.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nHello.<|end|>\n<|user|>\nBye<|end|>\n<|assistant|>\n")]
    [InlineData(QwenTools, "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n")]
    public void The_families_formats_come_out_as_published(string template, string prompt) =>
        Assert.Equal(prompt, ChatTemplate.Parse(template).Render(new ChatTemplateInput { Messages = s_talk, BeginOfText = "<s>", EndOfText = "</s>" }));

    [Fact]
    public void Tools_and_their_calls_pass_through_the_template()
    {
        ChatMessage[] talk =
        [
            new("user", "Wetter?"),
            new("assistant", null) { ToolCalls = [new("c1", "weather", """{"place": "Köln",  "days": 2.0}""")] },
            new("tool", "sunny") { ToolCallId = "c1", Name = "weather" },
        ];
        string prompt = ChatTemplate.Parse(QwenTools).Render(new ChatTemplateInput { Messages = talk, Tools = s_tools, AddGenerationPrompt = false });
        Assert.Equal("""
            <|im_start|>system
            <tools>
            {"type": "function", "function": {"name": "weather", "description": "Wetter für einen Ort", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}}
            </tools><|im_end|>
            <|im_start|>user
            Wetter?<|im_end|>
            <|im_start|>assistant
            <tool_call>
            {"name": "weather", "arguments": {"place": "Köln", "days": 2.0}}
            </tool_call><|im_end|>
            <|im_start|>user
            <tool_response>
            sunny
            </tool_response><|im_end|>

            """, prompt);
    }

    [Fact]
    public void A_message_in_json_keeps_its_fields_and_takes_the_form_that_templates_expect()
    {
        ChatMessage message = ChatMessage.FromJson(Json("""{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "x": 1, "y": null, "tool_calls": [{"function": {"name": "f", "arguments": "{\"a\": [1]}"}}, {"function": {"name": "g", "arguments": "no json"}}, {"function": {"name": "h", "arguments": ""}}]}"""));
        Assert.Equal("assistant", message.Role);
        Assert.Equal("ab", message.Content);
        Assert.Equal(
            """{"role": "assistant", "content": "ab", "x": 1, "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1]}}}, {"function": {"name": "g", "arguments": "no json"}}, {"function": {"name": "h", "arguments": {}}}]}""",
            ChatTemplate.Parse("{{ messages[0] | tojson }}").Render(new ChatTemplateInput { Messages = [message] }));
        Assert.Throws<InvalidRequestException>(() => ChatMessage.FromJson(Json("[]")));
        Assert.Throws<InvalidRequestException>(() => ChatMessage.FromJson(Json("{\"role\": 1}")));
        Assert.Throws<InvalidRequestException>(() => ChatMessage.FromJson(Json("{\"role\": \"user\", \"\\ud800\": 1}")));
        Assert.Throws<InvalidRequestException>(() => ChatMessage.FromJson(Json("{\"role\": \"user\", \"x\": [{\"\\ud800\": 1}]}")));
    }

    [Theory]
    [InlineData("""{"role": "assistant", "content": null, "tool_calls": []}""", """{"role": "assistant", "content": ""}""")]
    [InlineData("""{"role": "assistant", "tool_calls": null}""", """{"role": "assistant", "content": ""}""")]
    [InlineData("""{"role": "user", "content": []}""", """{"role": "user", "content": ""}""")]
    [InlineData("""{"role": "user", "content": [{"type": "image_url"}]}""", """{"role": "user", "content": [{"type": "image_url"}]}""")]
    [InlineData("""{"role": "assistant", "content": "x", "tool_calls": [{"name": "f", "arguments": {"a": 1}}]}""", """{"role": "assistant", "content": "x", "tool_calls": [{"name": "f", "arguments": {"a": 1}}]}""")]
    public void What_is_not_said_is_an_empty_text_and_what_is_empty_goes(string message, string form) =>
        Assert.Equal(form, ChatTemplate.Parse("{{ messages[0] | tojson }}").Render(new ChatTemplateInput { Messages = [ChatMessage.FromJson(Json(message))] }));

    [Fact]
    public void Variables_of_the_caller_do_not_replace_the_conversation()
    {
        ChatTemplateInput input = new() { Messages = [new("user", "q")], Variables = new Dictionary<string, JsonElement>(StringComparer.Ordinal) { ["enable_thinking"] = Json("false"), ["messages"] = Json("[]") } };
        Assert.Equal("False1 None", ChatTemplate.Parse("{{ enable_thinking }}{{ messages | length }} {{ tools }}{{ bos_token }}").Render(input));
    }

    [Fact]
    public void A_template_that_complains_names_its_line_and_its_words()
    {
        ChatTemplateException error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse("a\n{% if true %}\n{{ raise_exception('Roles must\nalternate.') }}{% endif %}").Render(new ChatTemplateInput { Messages = [] }));
        Assert.Equal(3, error.Line);
        Assert.Equal("Roles must\nalternate.", error.Reason);
    }

    private static JsonElement Json(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}
