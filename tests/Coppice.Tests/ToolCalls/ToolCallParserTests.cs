using System.Text;

namespace Coppice.Tests.ToolCalls;

public sealed class ToolCallParserTests
{
    private const string Hermes = "{% if tools %}<tool_call>{{ tools }}</tool_call>{% endif %}{{ messages }}";
    private const string Mistral = "{{ '[TOOL_CALLS]' }}";
    private const string Llama = "{{ 'Environment: ipython' }}{{ '\"parameters\": ' }}<|python_tag|>";
    private const string Plain = "{{ messages }}";

    [Theory]
    [InlineData(Hermes, "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>", "Let me see.", "f({\"x\": 1})")]
    [InlineData(Hermes, "<tool_call>{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}</tool_call>\n<tool_call>{\"name\":\"g\"}</tool_call>", "", "f({\"x\":1}) g({})")]
    [InlineData(Hermes, "<tool_call>{\"name\":\"f\",\"arguments\":{}}", "", "f({})")]
    [InlineData(Hermes, "<tool_call>{\"name\":1}</tool_call> after", "<tool_call>{\"name\":1}</tool_call> after", "")]
    [InlineData(Hermes, "<tool_call>{\"name\":\"f\",\"arguments\":[1]}</tool_call>", "<tool_call>{\"name\":\"f\",\"arguments\":[1]}</tool_call>", "")]
    [InlineData(Hermes, "a < b <tool <tool_cal", "a < b <tool <tool_cal", "")]
    [InlineData(Hermes, "before <tool_call>{\"name\":\"f\"}</tool_call> after  ", "before after  ", "f({})")]
    [InlineData(Hermes, "<tool_call>{\"name\":\"f\",\"arguments\":{\"x\":\"</tool_call><tool_call>\\\"</tool_call>\"}}</tool_call> after", " after", "f({\"x\":\"</tool_call><tool_call>\\\"</tool_call>\"})")]
    [InlineData(Hermes, "<tool_call>{\"name\": \"f</tool_call>\n<tool_call>{\"name\":\"g\"}</tool_call>", "<tool_call>{\"name\": \"f</tool_call>", "g({})")]
    [InlineData(Hermes, "<tool_call>{\"name\": \"f\nand no more</tool_call> <tool_call>{\"name\":\"g\"}</tool_call>", "<tool_call>{\"name\": \"f\nand no more</tool_call>", "g({})")]
    [InlineData(Mistral, "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"x\": \"[ARGS]\"}}]", "", "f({\"x\": \"[ARGS]\"})")]
    [InlineData(Mistral, "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"x\": [1]}, \"id\": \"abcdefghi\"}, {\"name\": \"g\", \"arguments\": {}}]", "", "f({\"x\": [1]}) g({})")]
    [InlineData(Mistral, "Sure.[TOOL_CALLS]f[ARGS]{\"x\": 1}[TOOL_CALLS]g[ARGS]{}", "Sure.", "f({\"x\": 1}) g({})")]
    [InlineData(Mistral, "[TOOL_CALLS] nonsense", "[TOOL_CALLS] nonsense", "")]
    [InlineData(Llama, "{\"name\": \"f\", \"parameters\": {\"x\": \"a;b\"}}; {\"name\": \"g\", \"parameters\": {}}", "", "f({\"x\": \"a;b\"}) g({})")]
    [InlineData(Llama, "<|python_tag|>{\"type\": \"function\", \"name\": \"f\", \"parameters\": {}}", "", "f({})")]
    [InlineData(Llama, "{\"answer\": 42}", "{\"answer\": 42}", "")]
    [InlineData(Llama, "It is {\"name\": \"f\", \"parameters\": {}}", "It is {\"name\": \"f\", \"parameters\": {}}", "")]
    [InlineData(Plain, "<tool_call>{\"name\": \"f\"}</tool_call>", "<tool_call>{\"name\": \"f\"}</tool_call>", "")]
    public void Calls_are_found_however_the_text_is_cut(string template, string answer, string content, string calls)
    {
        Random random = new(1);
        for (int round = 0; round < 30; round++)
        {
            ToolCallParser parser = ToolCallParser.For(ChatTemplate.Parse(template));
            StringBuilder text = new();
            List<ToolCall> found = [];
            for (int at = 0; at < answer.Length;)
            {
                int length = round == 0 ? answer.Length : Math.Min(answer.Length - at, 1 + random.Next(round));
                Take(parser.Append(answer.Substring(at, length)));
                at += length;
            }
            Take(parser.Finish());
            Assert.Equal(content, text.ToString());
            Assert.Equal(calls, string.Join(' ', found.Select(call => $"{call.Name}({call.Arguments})")));
            Assert.All(found, call => Assert.Equal(9, call.Id.Length));
            Assert.Equal(found.Count, found.Select(call => call.Id).Distinct().Count());

            void Take(ToolCallDelta delta)
            {
                text.Append(delta.Content);
                found.AddRange(delta.Calls);
            }
        }
    }

    [Fact]
    public void Content_comes_at_once_and_only_what_may_become_a_marker_waits()
    {
        ToolCallParser parser = ToolCallParser.For(ChatTemplate.Parse(Hermes));
        Assert.Equal("Hello", parser.Append("Hello ").Content);
        Assert.Equal(" world", parser.Append("world<tool").Content);
        Assert.Equal("<tools", parser.Append("s").Content);
        Assert.Empty(parser.Append(" <tool_call>{\"name\":\"f\"}").Calls);
        Assert.Equal("f", Assert.Single(parser.Append("</tool_call>").Calls).Name);
        Assert.Equal("", parser.Finish().Content);
    }

    [Fact]
    public void Long_texts_take_time_in_proportion()
    {
        ToolCallParser parser = ToolCallParser.For(ChatTemplate.Parse(Hermes));
        parser.Append("<tool_call>");
        string piece = new('x', 10);
        for (int i = 0; i < 100_000; i++) parser.Append(piece);
        Assert.Equal(11 + 1_000_000, parser.Finish().Content.Length);
    }

    [Fact]
    public void Space_that_waits_for_a_call_is_not_read_again_with_every_piece()
    {
        foreach (string template in (string[])[Hermes, Mistral, Llama])
        {
            ToolCallParser parser = ToolCallParser.For(ChatTemplate.Parse(template));
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 20_000; i++) Assert.Equal("", parser.Append("  \n").Content);
            Assert.Equal(60_001, parser.Append("x").Content.Length);
            // Every piece with all the space before it would be over a gigabyte.
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
        }
    }

    [Fact]
    public void Any_text_comes_back_as_content_or_calls_and_never_throws()
    {
        Random random = new(6);
        string[] pieces = ["<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>", "{\"name\":\"f\",\"arguments\":{}}", "{", "}", "\"", "\\ud800", ";", "[", "]", " ", "\n", "text", "\ud83d"];
        foreach (string template in (string[])[Hermes, Mistral, Llama])
        {
            for (int i = 0; i < 500; i++)
            {
                ToolCallParser parser = ToolCallParser.For(ChatTemplate.Parse(template));
                int calls = 0, characters = 0, given = 0;
                for (int j = random.Next(12); j > 0; j--)
                {
                    string piece = pieces[random.Next(pieces.Length)];
                    given += piece.Length;
                    ToolCallDelta delta = parser.Append(piece);
                    calls += delta.Calls.Count;
                    characters += delta.Content.Length;
                }
                ToolCallDelta last = parser.Finish();
                Assert.True(characters + last.Content.Length <= given);
            }
        }
    }
}
