using System.CommandLine;
using Coppice.Loading;

namespace Coppice.Cli.Options;

/// <summary>What the answers of <c>coppice generate</c> must look like.</summary>
internal sealed class ConstraintOptions
{
    private readonly Option<bool> _json = new("--json") { Description = "The answer is a JSON object" };
    private readonly Option<string?> _schema = new("--json-schema") { HelpName = "file|text", Description = "The answer is JSON that this JSON Schema describes; a text begins with {" };
    private readonly Option<string?> _grammar = new("--grammar") { HelpName = "file", Description = "The answer is a text of this grammar in GBNF" };
    private readonly Option<string?> _regex = new("--regex") { HelpName = "pattern", Description = "The answer is a text that this regular expression matches as a whole" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_json, _schema, _grammar, _regex]) command.Add(option);
    }

    /// <summary>Null: any text.</summary>
    /// <exception cref="UsageException">More than one is given.</exception>
    /// <exception cref="InvalidRequestException">It is malformed or asks for what is not supported.</exception>
    public OutputConstraint? Read(ParseResult parsed)
    {
        string? schema = parsed.GetValue(_schema), grammar = parsed.GetValue(_grammar), regex = parsed.GetValue(_regex);
        bool json = parsed.GetValue(_json);
        int given = (json ? 1 : 0) + (schema is null ? 0 : 1) + (grammar is null ? 0 : 1) + (regex is null ? 0 : 1);
        if (given > 1) throw new UsageException("Of --json, --json-schema, --grammar and --regex, an answer can have one.");
        if (json) return OutputConstraint.JsonObject();
        if (schema is not null) return OutputConstraint.JsonSchema(schema.AsSpan().TrimStart().StartsWith("{") ? schema : SmallFile.ReadText(schema));
        if (grammar is not null) return OutputConstraint.Grammar(SmallFile.ReadText(grammar));
        return regex is null ? null : OutputConstraint.Regex(regex);
    }
}
