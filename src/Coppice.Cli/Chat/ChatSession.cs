using System.Diagnostics;
using System.Text;
using Coppice.Cli.BatchFiles;

namespace Coppice.Cli.Chat;

/// <summary>Turns of a conversation: what the user says goes in, answers go to stdout as they come, all else to stderr.</summary>
/// <param name="model">Answers.</param>
/// <param name="prompts">Writes the conversation as the model wants it.</param>
/// <param name="options">How to continue a prompt that leaves this many tokens of the context.</param>
/// <param name="streams">What is read and written.</param>
internal sealed class ChatSession(ITextModel model, ChatPrompts prompts, Func<int, GenerateOptions> options, Streams streams)
{
    private readonly ChatScreen _screen = new(streams);
    private bool _someFailed;

    public Conversation Conversation { get; } = new();

    /// <summary>Until the input ends or the user leaves.</summary>
    /// <returns>The exit code: 1 where a turn of a piped input has no answer.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        TurnReader turns = new(streams.In);
        ChatCommands commands = new(Conversation, _screen);
        _screen.Notice($"{model.Name}. {ChatCommands.Hint}");
        while (true)
        {
            _screen.AskForTurn();
            string? turn;
            try
            {
                turn = await turns.ReadAsync(_screen.AskForMore, cancellation);
            }
            catch (OperationCanceledException)
            {
                _screen.LeaveTurn();
                throw;
            }
            if (turn is null)
            {
                _screen.LeaveTurn();
                break;
            }
            if (string.IsNullOrWhiteSpace(turn)) continue;
            if (turn.StartsWith('/') && !turn.StartsWith("//", StringComparison.Ordinal))
            {
                ChatCommands.Outcome outcome = await commands.RunAsync(turn, cancellation);
                if (outcome == ChatCommands.Outcome.Leave) break;
                _someFailed |= outcome == ChatCommands.Outcome.Failed;
                continue;
            }
            await AnswerAsync(turn.StartsWith('/') ? turn[1..] : turn, cancellation);
        }
        return _someFailed && !streams.InIsTerminal ? ExitCodes.SomeFailed : ExitCodes.Ok;
    }

    private async Task AnswerAsync(string turn, CancellationToken cancellation)
    {
        Conversation.Ask(turn);
        try
        {
            int[] prompt = prompts.Encode(new ChatTemplateInput { Messages = Conversation.Messages });
            int left = model.MaxContextTokens - prompt.Length;
            if (left < 1)
                throw new ContextTooLongException($"The conversation takes {RunSummary.Count(prompt.Length)} tokens and the context has {RunSummary.Count(model.MaxContextTokens)}. It was not sent: /undo takes back the turn before it, /reset begins anew.");
            Conversation.Answer(await StreamAsync(prompt, left, cancellation));
        }
        catch (Exception e) when (e is ContextTooLongException or ChatTemplateException or InvalidRequestException)
        {
            Conversation.Undo();
            _someFailed = true;
            _screen.Error(e.Message);
        }
    }

    private async Task<string> StreamAsync(int[] prompt, int left, CancellationToken cancellation)
    {
        StringBuilder answer = new();
        Usage? usage = null;
        FinishReason? finish = null;
        TimeSpan toFirst = TimeSpan.Zero;
        int tokens = 0;
        Stopwatch clock = Stopwatch.StartNew();
        using (Interrupts.Part part = _screen.BeginAnswer(cancellation))
        {
            try
            {
                await foreach (GenerateChunk chunk in model.GenerateAsync(prompt, options(left), part.Token).WithCancellation(part.Token))
                {
                    if (tokens++ == 0) toFirst = clock.Elapsed;
                    answer.Append(chunk.Text);
                    await _screen.WriteAsync(chunk.Text, cancellation);
                    (usage, finish) = (chunk.Usage ?? usage, chunk.Finish ?? finish);
                }
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                finish = FinishReason.Cancelled;   // what was said so far stays
            }
        }
        await _screen.EndAnswerAsync(cancellation);
        _screen.Notice(Summary(tokens, clock.Elapsed - toFirst, toFirst, usage, finish));
        if (finish == FinishReason.Length) _screen.Error($"The answer ends here because {(tokens >= left ? "the context is full: /undo takes back the last turn, /reset begins anew" : "--max-tokens is reached")}.");
        return answer.ToString();
    }

    private static string Summary(int tokens, TimeSpan decoding, TimeSpan toFirst, Usage? usage, FinishReason? finish)
    {
        string prompt = usage is null ? "" : $", {RunSummary.Count(usage.PromptTokens)} of prompt ({RunSummary.Count(usage.CachedTokens)} from cache), first after {RunSummary.Duration(toFirst)}";
        return $"{(finish == FinishReason.Cancelled ? "stopped, " : "")}{RunSummary.Count(tokens)} tokens{(tokens > 1 ? $" at {RunSummary.Rate(tokens - 1, decoding.TotalSeconds)}/s" : "")}{prompt}";
    }
}
