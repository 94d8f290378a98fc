using System.Text.Json;

namespace Coppice.Tests.Templates;

/// <summary>Published templates of models, with their conversations and the prompts that transformers makes of them.</summary>
public sealed class ChatTemplatesFileTests
{
    public static TheoryData<string> Names()
    {
        TheoryData<string> names = [];
        if (TestData.HasShared)
            foreach (JsonElement test in Cases()) names.Add(test.GetProperty("name").GetString()!);
        else names.Add("");
        return names;
    }

    [SharedTheory, MemberData(nameof(Names))]
    public void A_published_template_renders_byte_for_byte(string name)
    {
        JsonElement test = Cases().Single(c => c.GetProperty("name").GetString() == name);
        string prompt = ChatTemplate.Parse(test.GetProperty("template").GetString()!).Render(JinjaCases.Values(test.GetProperty("data")), DateTimeOffset.UnixEpoch);
        Assert.Equal(test.GetProperty("target").GetString(), prompt);
    }

    [SharedFact]
    public void All_seventeen_are_there() => Assert.Equal(17, Cases().Count);

    private static List<JsonElement> Cases()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(TestData.Shared("testdata/chat/chat-templates.json")));
        return [.. document.RootElement.Clone().EnumerateArray()];
    }
}
