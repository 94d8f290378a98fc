using System.CommandLine;

namespace Coppice.Cli.Options;

/// <summary>The option of every command that writes conversations as prompts.</summary>
internal sealed class ChatTemplateOption
{
    private readonly Option<string?> _file = new("--chat-template") { HelpName = "file", Description = "Jinja, or a tokenizer_config.json that has one. Default: the model's own" };

    public void AddTo(Command command) => command.Add(_file);

    /// <summary>Null: the model's own.</summary>
    /// <exception cref="ModelFormatException">The file is not what it should be.</exception>
    public ChatTemplates? Read(ParseResult parsed) => parsed.GetValue(_file) is string file ? ChatTemplates.FromFile(file) : null;
}
