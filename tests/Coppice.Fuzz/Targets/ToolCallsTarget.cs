using System.Text;

namespace Coppice.Fuzz.Targets;

/// <summary>An answer that a model writes, in pieces: calls and content are told apart in every family's form.</summary>
internal static class ToolCallsTarget
{
    // The markers by which a template's family is known.
    private static readonly string[] s_templates = ["<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "none"];

    public static FuzzTarget Target { get; } = new("tool-calls", "Answers with tool calls in them", Syntax.Text, folder =>
    {
        ChatTemplate[] templates = [.. s_templates.Select(template => ChatTemplate.Parse(template))];
        return input =>
        {
            string answer = Encoding.UTF8.GetString(input);
            foreach (ChatTemplate template in templates)
            {
                ToolCallParser parser = ToolCallParser.For(template);
                int pieceCharacters = 1 + (answer.Length % 7);
                for (int at = 0; at < answer.Length; at += pieceCharacters) _ = parser.Append(answer.Substring(at, Math.Min(pieceCharacters, answer.Length - at)));
                _ = parser.Finish();
            }
        };
    })
    {
        Refusals = [],
        Words =
        [
            "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>", "{\"name\":\"f\",\"arguments\":{}}", "{\"name\":\"f\",\"parameters\":{\"a\":[1]}}", "\"arguments\":\"{}\"", "\"id\":\"123456789\"", "[{", "}]", "; ", "\\ud800", "\"function\":", "\n",
        ],
        Nests = [("[", "]"), ("{\"name\":", "}"), ("<tool_call>", "</tool_call>"), ("{", "}"), ("\"", "\"")],
    };
}
