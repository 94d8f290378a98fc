using Coppice.Loading;

namespace Coppice.Tests.Templates;

public sealed class ChatTemplatesTests : IDisposable
{
    private static readonly ChatTemplateInput s_input = new() { Messages = [new("user", "q")] };
    private readonly string _folder = Directory.CreateTempSubdirectory("coppice-templates").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_folder_without_a_template_has_none()
    {
        Assert.Null(ChatTemplates.FromFolder(_folder));
        Write("tokenizer_config.json", "{}");
        Assert.Null(ChatTemplates.FromFolder(_folder));
    }

    [Fact]
    public void The_file_comes_before_the_configuration()
    {
        Write("tokenizer_config.json", """{"chat_template": "config"}""");
        Assert.Equal("config", ChatTemplates.FromFolder(_folder)!.Render(s_input));
        Write("chat_template.jinja", "file");
        Assert.Equal("file", ChatTemplates.FromFolder(_folder)!.Render(s_input));
    }

    [Fact]
    public void Tools_take_the_template_that_is_made_for_them()
    {
        Write("tokenizer_config.json", """{"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}, {"name": "rag", "template": "{% broken"}]}""");
        ChatTemplates templates = ChatTemplates.FromFolder(_folder)!;
        using System.Text.Json.JsonDocument tools = System.Text.Json.JsonDocument.Parse("[]");
        Assert.Equal("plain", templates.Render(s_input));
        Assert.Equal("tools", templates.Render(s_input with { Tools = tools.RootElement }));
        Assert.Equal(["default", "tool_use", "rag"], templates.Names);
        Assert.Throws<ChatTemplateException>(() => templates.Find("rag"));
        Assert.Contains("default, tool_use, rag", Assert.Throws<InvalidRequestException>(() => templates.Find("x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_configuration_that_is_not_what_it_should_be_is_refused()
    {
        Write("tokenizer_config.json", """{"chat_template": 5}""");
        Assert.Throws<ModelFormatException>(() => ChatTemplates.FromFolder(_folder));
        Write("tokenizer_config.json", """{"chat_template": [{"name": "default"}]}""");
        Assert.Throws<ModelFormatException>(() => ChatTemplates.FromFolder(_folder));
    }

    [SharedFact]
    public void The_template_of_the_bad_file_cannot_reach_the_types_underneath()
    {
        using GgufFile file = GgufFile.Open(TestData.Shared("testdata/badfiles/gguf_sem_template_ssti.gguf"));
        ChatTemplates templates = ChatTemplates.FromGguf(file.Metadata)!;
        Assert.Contains("__class__", Assert.Throws<ChatTemplateException>(() => templates.Render(s_input)).Message, StringComparison.Ordinal);
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
