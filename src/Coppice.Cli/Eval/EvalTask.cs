using System.CommandLine;

namespace Coppice.Cli.Eval;

/// <summary>A task: what it asks, and how its figures are drawn.</summary>
/// <param name="Name">Of the command.</param>
/// <param name="Description">One line.</param>
/// <param name="More">How it is defined; paragraphs of the command's help.</param>
/// <param name="Options">Its own; those of every task and of the model come beside them.</param>
/// <param name="Items">Makes what is asked, in an order in which what items share is computed once. Called with the model open.</param>
/// <param name="Plot">Draws the rows as SVG.</param>
/// <param name="Examples">Command lines.</param>
internal sealed record EvalTask(string Name, string Description, string More, IReadOnlyList<Option> Options,
    Func<ITextModel, ParseResult, IReadOnlyList<EvalItem>> Items, Func<IReadOnlyList<EvalRow>, string> Plot, params (string What, string Line)[] Examples);
