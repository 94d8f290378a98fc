using Coppice.Cli.BatchFiles;

namespace Coppice.Cli.Scoring;

/// <summary>A line that asks what a model gives to continuations of a prompt.</summary>
/// <param name="Number">Its number in the file, from 1.</param>
/// <param name="CustomId">What its result is called; unique in the file.</param>
internal sealed record ScoreLine(int Number, string CustomId) : BatchLine(Number, CustomId)
{
    public required string Prompt { get; init; }

    public required IReadOnlyList<string> Continuations { get; init; }

    /// <summary>Index of the right one, if the line knows it.</summary>
    public int? Answer { get; init; }

    /// <summary>Lines share cached prefixes only with lines of the same salt.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>Reads a line's fields. For <see cref="LineParser"/>, which knows its number and name.</summary>
    /// <exception cref="InvalidRequestException">A field is unknown, missing or of the wrong kind.</exception>
    public static BatchLine Read(int number, JsonField line)
    {
        string? prompt = null, salt = null;
        string[]? continuations = null;
        int? answer = null;
        foreach (JsonField field in line.Properties())
        {
            switch (field.Name)
            {
                case "id" or "custom_id": break;
                case "prompt" or "context" when prompt is null: prompt = field.Text(); break;
                case "continuations" or "continuation" when continuations is null: continuations = field.Texts(); break;
                case "prompt" or "context" or "continuations" or "continuation": throw new InvalidRequestException($"The line has two names for one thing; {field.Name} is the second.");
                case "answer": answer = field.IsNull ? null : field.Whole(0); break;
                case "cache_salt": salt = field.IsNull ? null : field.Text(); break;
                default: throw new InvalidRequestException($"The field '{JsonField.Shortened(field.Name)}' is unknown. Known: id, prompt (or context), continuations (or continuation), answer, cache_salt.");
            }
        }
        if (prompt is null) throw new InvalidRequestException("The field prompt (or context) is missing; it is a text.");
        if (continuations is null) throw new InvalidRequestException("The field continuations (or continuation) is missing; it is a text or a list of texts.");
        if (continuations.Length == 0) throw new InvalidRequestException("continuations is an empty list; it needs at least one text.");
        for (int i = 0; i < continuations.Length; i++)
            if (continuations[i].Length == 0) throw new InvalidRequestException($"continuations[{i}] is empty; there is nothing to score.");
        if (answer >= continuations.Length) throw new InvalidRequestException($"answer is {answer} and there are {continuations.Length} continuations; it is the index of the right one, from 0.");
        return new ScoreLine(number, "") { Prompt = prompt, Continuations = continuations, Answer = answer, CacheSalt = salt };
    }
}
