using System.Text.Json;
using System.Text.Json.Nodes;

namespace Coppice.Tests.Templates;

/// <summary>The npm package @huggingface/jinja 0.5.11 as a second judge.</summary>
public sealed class HuggingFaceJinjaTests
{
    private const string Script = """
        import { Template } from "@huggingface/jinja";
        import fs from "node:fs";
        const tests = JSON.parse(fs.readFileSync("input.json", "utf8"));
        fs.writeFileSync("output.json", JSON.stringify(tests.map(t => {
          try { return new Template(t.template).render(t.data); } catch (e) { return null; }
        })));
        """;

    // Made of parts that real templates are made of; a bool printed bare is not among them (the package prints true, Jinja True).
    private static readonly string[] s_messages =
    [
        "{{ message['role'] }}", "{{- message.content | trim -}}", "{{ message['content'] | upper }}", "{% if loop.first %}<s>{% endif %}", "{%- if not loop.last %}\n,{% endif %}",
        "{{ loop.index }}/{{ loop.length }}", "{% if message.role == 'user' and message.content is defined %}U{% elif message.role in ['assistant', 'tool'] %}A{% else %}S{% endif %}\n",
        "{{ message | tojson }}", "{% set x = message.content %}{{ x[0:3] ~ x[-2:] }}", "{{ message.content.split(' ')[0] }}", "{{ message.content | replace('a', 'b') }}", "{% set ns.n = ns.n + message.content | length %}",
        "{{ '[' + message.content + ']' if message.role == 'user' else '' }}", "{{ 'n' if message.name is not defined else 'd' }}", "{{ 1 if message.content.startswith('H') else 0 }}", "  {% if true %}\n  x\n  {% endif %}\n", "{{ 'even' if loop.index0 % 2 == 0 else 'odd' }}", "text\n",
    ];

    private static readonly string[] s_tails = ["{{ ns.n }}", "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}", "{{ messages | length }}", "{{ messages | map(attribute='role') | join('|') }}", "{{ (messages | selectattr('role', 'equalto', 'user') | list)[0].content }}", "{{ messages[-1]['content'] }}", "{{ tools | tojson(indent=2) }}", "{%- for t in tools %}{{ t.name }}{{ t.parameters | tojson }}{% endfor %}"];

    [NpmFact]
    public void The_npm_package_renders_the_same_prompts()
    {
        Random random = new(10);
        JsonArray tests = [];
        for (int i = 0; i < 500; i++)
        {
            string body = string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => s_messages[random.Next(s_messages.Length)]));
            string template = $"{{% set ns = namespace(n=0) %}}{{% for message in messages %}}{body}{{% endfor %}}{s_tails[random.Next(s_tails.Length)]}";
            tests.Add(new JsonObject { ["template"] = template, ["data"] = Data(random) });
        }
        if (TestData.HasShared)
            foreach (JsonNode? test in JsonNode.Parse(File.ReadAllText(TestData.Shared("testdata/chat/chat-templates.json")))!.AsArray())
                tests.Add(new JsonObject { ["template"] = (string)test!["template"]!, ["data"] = test["data"]!.DeepClone() });
        string?[] expected = JsonSerializer.Deserialize<string?[]>(Npm.Run("@huggingface/jinja@0.5.11", Script, tests.ToJsonString()))!;
        Assert.True(expected.Count(e => e is not null) > 450, $"The package renders only {expected.Count(e => e is not null)} of {tests.Count}.");
        for (int i = 0; i < tests.Count; i++)
        {
            if (expected[i] is null) continue;
            string template = (string)tests[i]!["template"]!;
            using JsonDocument data = JsonDocument.Parse(tests[i]!["data"]!.ToJsonString());
            Assert.Equal((template, expected[i]), (template, ChatTemplate.Parse(template).Render(JinjaCases.Values(data.RootElement), DateTimeOffset.Now)));
        }
    }

    private static JsonObject Data(Random random)
    {
        string[] roles = ["user", "assistant"], contents = ["Hello there", "  aa bb ", "Äpfel & <Birnen> \"x\"", "line\nbreak", "H"];
        JsonArray messages = [];
        for (int i = 0; i < random.Next(1, 6); i++) messages.Add(new JsonObject { ["role"] = i == 0 ? "user" : roles[random.Next(2)], ["content"] = contents[random.Next(contents.Length)] });
        return new JsonObject
        {
            ["messages"] = messages,
            ["add_generation_prompt"] = random.Next(2) == 0,
            ["tools"] = JsonNode.Parse("""[{"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer", "enum": [1, 2]}}, "required": []}}]"""),
        };
    }
}
