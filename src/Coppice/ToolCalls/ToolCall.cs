namespace Coppice;

/// <summary>A call of a tool that a model asks for.</summary>
/// <param name="Id">What the answer to it is to name: the model's own where it gives one, else a fresh one.</param>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">A JSON object, as the model wrote it.</param>
public sealed record ToolCall(string Id, string Name, string Arguments);

/// <summary>What became certain with a piece of an answer.</summary>
/// <param name="Content">Text for the reader; often empty.</param>
/// <param name="Calls">Calls that are complete; mostly none.</param>
public sealed record ToolCallDelta(string Content, IReadOnlyList<ToolCall> Calls)
{
    internal static ToolCallDelta None { get; } = new("", []);
}
