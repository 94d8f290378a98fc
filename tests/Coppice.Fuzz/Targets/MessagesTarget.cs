using Coppice.Cli.BatchFiles;
using Coppice.Cli.Chat;

namespace Coppice.Fuzz.Targets;

/// <summary>A conversation: as a chat loads it, and as a line of `coppice run` that is put through the templates of the corpus.</summary>
internal static class MessagesTarget
{
    public static FuzzTarget Target { get; } = new("messages", "Conversations, through fixed templates", Syntax.Json, folder =>
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Reading.SampleModel);
        ChatPrompts[] templates = [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Corpus", "template"), "chat-*.jinja").Order(StringComparer.Ordinal)
            .Select(file => ChatPrompts.Of(tokenizer, ChatTemplates.FromFile(file))!)];
        return input =>
        {
            try
            {
                new Conversation().Load(input);
            }
            catch (InvalidRequestException)
            {
                // It is no conversation that a chat wrote.
            }
            if (new LineParser().Parse(1, input) is not PromptLine line) throw new InvalidRequestException("The line is refused.");
            foreach (ChatPrompts chats in templates)
            {
                try
                {
                    _ = line.Prompt.Encode(tokenizer.Encode, chats);
                }
                catch (ChatTemplateException)
                {
                    // Another template may know the roles.
                }
            }
        };
    })
    {
        Refusals = [typeof(InvalidRequestException)],
        Words =
        [
            "messages", "role", "content", "name", "tool_calls", "tool_call_id", "function", "arguments", "parameters", "type", "text", "id", "reasoning_content", "refusal", "tools", "tool_choice", "documents", "chat_template_kwargs", "add_generation_prompt",
            "\"system\"", "\"developer\"", "\"user\"", "\"assistant\"", "\"tool\"", "\"ipython\"", "\"{}\"", "\"{\\\"a\\\":1}\"", "\"[1]\"", "\"\\\"x\\\"\"", "[{\"type\":\"text\",\"text\":\"a\"}]", "{\"role\":\"user\",\"content\":\"a\"}",
            "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call12345\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}",
        ],
    };
}
