using System.Text;
using Spectre.Console;

namespace Coppice.Cli.Chat;

/// <summary>What a chat looks like: marks and notices where a person is at the terminal, nothing but answers and errors where none is.</summary>
internal sealed class ChatScreen(Streams streams)
{
    private static readonly Style s_dim = new(decoration: Decoration.Dim);

    private readonly IAnsiConsole? _console = streams is { InIsTerminal: true, ErrorIsTerminal: true }
        ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(streams.Error) })
        : null;

    private bool _answerBegan;
    private char _last;

    public void AskForTurn() => _console?.Write("> ");

    public void AskForMore() => _console?.Write(". ");

    /// <summary>The cursor is behind the mark of a turn that does not come.</summary>
    public void LeaveTurn() => _console?.WriteLine();

    /// <summary>What a person may want to know and a program does not.</summary>
    public void Notice(string text) => _console?.Write(new Text(text + "\n", s_dim));

    /// <summary>What the user asked to see.</summary>
    public void Say(string text) => streams.Error.WriteLine(text);

    public void Error(string text) => streams.Error.WriteLine($"coppice: {text}");

    /// <summary>Where a person is at the terminal, Ctrl+C stops the answer only.</summary>
    public Interrupts.Part BeginAnswer(CancellationToken cancellation)
    {
        (_answerBegan, _last) = (false, '\n');
        return streams.InIsTerminal ? streams.Interrupts.Begin(cancellation) : new Interrupts().Begin(cancellation);
    }

    /// <summary>White space before an answer's first word is the template's matter and is not shown.</summary>
    public async Task WriteAsync(string text, CancellationToken cancellation)
    {
        if (!_answerBegan) text = text.TrimStart();
        if (text.Length == 0) return;
        _answerBegan = true;
        _last = text[^1];
        await streams.Out.WriteAsync(Encoding.UTF8.GetBytes(streams.InIsTerminal ? Harmless(text) : text), cancellation);
        await streams.Out.FlushAsync(cancellation);
    }

    public async Task EndAnswerAsync(CancellationToken cancellation)
    {
        if (_answerBegan && _last == '\n') return;
        await streams.Out.WriteAsync("\n"u8.ToArray(), cancellation);
        await streams.Out.FlushAsync(cancellation);
    }

    // A model can be brought to write what a terminal would obey.
    private static string Harmless(string text) => string.Concat(text.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '\uFFFD' : c));
}
