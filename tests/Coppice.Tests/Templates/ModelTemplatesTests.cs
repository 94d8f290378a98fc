using System.Text;
using System.Text.Json;

namespace Coppice.Tests.Templates;

/// <summary>Templates of current models, and what Jinja itself makes of conversations with them.</summary>
public sealed class ModelTemplatesTests
{
    private const string Folder = "testdata/chat/models/";

    // The time at which the texts were made.
    private sealed class Noon : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    }

    [SharedFact]
    public void Every_conversation_comes_out_as_jinja_writes_it_and_fails_where_jinja_fails()
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(TestData.Shared(Folder + "expected.json")));
        JsonElement cases = file.RootElement.GetProperty("cases");
        Dictionary<string, ChatTemplate> templates = new(StringComparer.Ordinal);
        StringBuilder wrong = new();
        int count = 0;
        foreach (JsonElement expected in file.RootElement.GetProperty("expected").EnumerateArray())
        {
            count++;
            string name = expected.GetProperty("template").GetString()!, label = expected.GetProperty("case").GetString()!;
            if (!templates.TryGetValue(name, out ChatTemplate? template)) templates[name] = template = ChatTemplate.Parse(File.ReadAllText(TestData.Shared(Folder + name)));
            string? wanted = expected.TryGetProperty("text", out JsonElement text) ? text.GetString() : null;
            string? actual = null;
            string error = "";
            try
            {
                actual = template.Render(Input(cases.GetProperty(label)));
            }
            catch (ChatTemplateException e)
            {
                error = e.Message;
            }
            if (actual != wanted) wrong.AppendLine($"{name}, {label}\n  jinja: {wanted ?? "(error)"}\n  here:  {actual ?? $"({error})"}");
        }
        Assert.True(count >= 455, $"only {count} cases");
        Assert.True(wrong.Length == 0, wrong.ToString());
    }

    private static ChatTemplateInput Input(JsonElement conversation) => new()
    {
        Messages = [.. conversation.GetProperty("messages").EnumerateArray().Select(ChatMessage.FromJson)],
        Tools = conversation.TryGetProperty("tools", out JsonElement tools) ? tools : null,
        AddGenerationPrompt = !conversation.TryGetProperty("agp", out JsonElement adds) || adds.GetBoolean(),
        BeginOfText = "<s>",
        EndOfText = "</s>",
        Variables = conversation.TryGetProperty("vars", out JsonElement variables) ? variables.EnumerateObject().ToDictionary(v => v.Name, v => v.Value, StringComparer.Ordinal) : [],
        Clock = new Noon(),
    };
}
