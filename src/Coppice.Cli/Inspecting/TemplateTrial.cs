using System.Text.Json;
using Coppice.Cli.Chat;
using Coppice.Templates;

namespace Coppice.Cli.Inspecting;

/// <summary>Puts small conversations through a chat template.</summary>
internal static class TemplateTrial
{
    private const string Marker = "trial marker";

    private static readonly JsonElement s_tools = JsonElement.Parse($$"""
        [{"type": "function", "function": {"name": "{{Marker}}", "description": "{{Marker}}", "parameters": {"type": "object", "properties": {} } } }]
        """);

    /// <param name="templates">All of the model's.</param>
    /// <param name="name">The one that is tried.</param>
    /// <param name="tokenizer">Has the spelling of special tokens; null: the model has none that can be used.</param>
    public static TemplateFacts Run(ChatTemplates templates, string name, Tokenizer? tokenizer)
    {
        ChatMessage user = new("user", "Hello");
        string? problem = Render([user], null).Problem;
        bool system = Render([new ChatMessage("system", Marker), user], null).Text.Contains(Marker, StringComparison.Ordinal);
        bool tools = Render([user], s_tools).Text.Contains(Marker, StringComparison.Ordinal);
        TemplateFindings found = problem is null ? templates.Find(name).Findings : TemplateFindings.Nothing;
        return new TemplateFacts(name, templates.FoundIn(name), problem, system, tools, found is { ToolCalls: Fate.Shown, ToolResults: Fate.Shown }, [.. found.Roles]);

        (string Text, string? Problem) Render(IReadOnlyList<ChatMessage> messages, JsonElement? tools)
        {
            try
            {
                return (templates.Find(name).Render(new ChatTemplateInput
                {
                    Messages = messages,
                    Tools = tools,
                    BeginOfText = Piece(tokenizer?.BeginOfText),
                    EndOfText = Piece(tokenizer?.EndOfText),
                }), null);
            }
            catch (Exception e) when (e is ChatTemplateException or InvalidRequestException)
            {
                return ("", e.Message);
            }
        }

        string? Piece(int? token) => token is int id ? tokenizer!.Piece(id) : null;
    }
}
