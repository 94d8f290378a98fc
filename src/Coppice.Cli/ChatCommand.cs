using System.CommandLine;
using Coppice.Cli.Chat;
using Coppice.Cli.Options;
using Coppice.Loading;

namespace Coppice.Cli;

/// <summary><c>coppice chat</c>: a conversation with a model, at the terminal or through a pipe.</summary>
internal static class ChatCommand
{
    public static Command Make(Streams streams, OpenModel open)
    {
        Option<string?> system = new("--system", "-s") { HelpName = "text", Description = "What the model is told before the conversation" };
        Option<string?> systemFile = new("--system-file") { HelpName = "file", Description = "The same, from a file of UTF-8 text" };
        Option<long?> seed = Checked.Seed("--seed", "The same seed, options and turns draw the same answers");
        SamplingOptions sampling = SamplingOptions.OfChat();
        ChatTemplateOption template = new();
        ModelOptions model = new();

        Command command = new("chat", "Talk with a model. Each turn computes only what is new.") { system, systemFile, seed };
        sampling.AddTo(command);
        template.AddTo(command);
        model.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            OutputConstraint? constraint = sampling.ReadConstraint(parsed);
            string? prompt = ReadSystem(parsed.GetValue(system), parsed.GetValue(systemFile));
            ChatTemplates? named = template.Read(parsed);
            using ITextModel opened = open(model.ModelPath(parsed), model.Engine(parsed));
            ChatPrompts prompts = ChatPrompts.Of(opened, named) ?? throw ChatPrompts.NoTemplate("chat is for conversations");
            ChatSession session = new(opened, prompts, left => sampling.Read(parsed, parsed.GetValue(seed), left) with { Constraint = constraint }, streams);
            session.Conversation.SystemPrompt = prompt;
            return await session.RunAsync(cancellation);
        });
        HelpPage.Attach(command, $"""
            {ChatCommands.Help}

            From a pipe each line is a turn, and only answers go to standard output; exit code 1 says that some turn had no answer.
            Nothing is dropped from a long conversation: a turn that no longer fits into the context is refused, with what to do.
            """,
            ("Ask the sample model about a document", "coppice chat --system-file document.txt --temperature 0"),
            ("With a model of one's own", "coppice chat --model ./my-model --system \"Answer in one sentence.\""),
            ("From a pipe", "printf 'Hello\\nAnd now?\\n' | coppice chat --model ./my-model --seed 1"));
        return command;
    }

    private static string? ReadSystem(string? text, string? file)
    {
        if (file is null) return text;
        if (text is not null) throw new UsageException("--system and --system-file both say what the model is told; give one of them.");
        return SmallFile.ReadText(file);
    }
}
