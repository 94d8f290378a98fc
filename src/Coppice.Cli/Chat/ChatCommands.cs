using Coppice.Cli.BatchFiles;
using Coppice.Loading;

namespace Coppice.Cli.Chat;

/// <summary>What a turn that begins with a slash does.</summary>
internal sealed class ChatCommands(Conversation conversation, ChatScreen screen)
{
    public const string Hint = "/help lists what can be typed, /exit leaves.";

    public const string Help = $$"""
        /help           this list
        /reset          forget what was said; the system prompt stays
        /undo           forget the last question and its answer
        /system         show the system prompt
        /system TEXT    replace the system prompt; what was said stays
        /save FILE      write the conversation as a line of JSON, which coppice run takes, too
        /load FILE      go on with a conversation that was saved
        /exit           leave, as the end of the input does (Ctrl+D)
        A line that ends in \ goes on in the next one, and all between two lines of {{TurnReader.Quotes}} is one turn. Two slashes
        begin a turn that begins with one. Ctrl+C stops the answer that is being written; a second time, or at the prompt, it leaves.
        """;

    public enum Outcome
    {
        Done,
        Failed,
        Leave,
    }

    public async Task<Outcome> RunAsync(string line, CancellationToken cancellation)
    {
        string[] parts = line.Split((char[])[' ', '\t', '\n'], 2, StringSplitOptions.TrimEntries);
        string argument = parts.Length > 1 ? parts[1] : "";
        try
        {
            switch (parts[0])
            {
                case "/help" or "/?":
                    screen.Say(Help);
                    break;
                case "/reset":
                    conversation.Reset();
                    break;
                case "/undo":
                    if (!conversation.Undo()) return Failed("There is nothing to take back.");
                    break;
                case "/system" when argument.Length > 0:
                    conversation.SystemPrompt = argument;
                    break;
                case "/system":
                    screen.Say(conversation.SystemPrompt ?? "There is no system prompt.");
                    break;
                case "/save" or "/load" when argument.Length == 0:
                    return Failed($"{parts[0]} needs the name of a file.");
                case "/save":
                    await SaveAsync(argument, cancellation);
                    break;
                case "/load":
                    conversation.Load(SmallFile.Read(argument, SmallFile.LargestText));
                    screen.Notice($"{RunSummary.Count(conversation.Messages.Count)} messages from {argument}.");
                    break;
                case "/exit" or "/quit":
                    return Outcome.Leave;
                default:
                    return Failed($"There is no command '{JsonField.Shortened(parts[0])}'. {Hint}");
            }
            return Outcome.Done;
        }
        catch (Exception e) when (e is ModelFormatException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Failed(e.Message);
        }
        catch (InvalidRequestException e)
        {
            return Failed($"{argument} was not loaded. {e.Message}");
        }
    }

    private Outcome Failed(string message)
    {
        screen.Error(message);
        return Outcome.Failed;
    }

    // Nothing is written over: a conversation is short to save under another name, and what it would replace may not be.
    private async Task SaveAsync(string path, CancellationToken cancellation)
    {
        await using FileStream file = new(path, FileMode.CreateNew);
        await file.WriteAsync(conversation.ToJson(), cancellation);
        screen.Notice($"{RunSummary.Count(conversation.Messages.Count)} messages to {path}.");
    }
}
