using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Reflection;
using Coppice.Cli.Bench;
using Coppice.Cli.Serving;

namespace Coppice.Cli;

/// <summary>The tool: reads the command line, runs a command, and turns every error into one line and an exit code.</summary>
internal static class CoppiceCommand
{
    /// <summary>Set to anything, it shows the stack of an error: for reports, not for users.</summary>
    private const string TraceVariable = "COPPICE_TRACE";

    public static async Task<int> RunAsync(string[] arguments, Streams streams, OpenModel open, CancellationToken cancellation)
    {
        RootCommand root = Make(streams, open);
        // "@" begins a response file by default; here it may begin a prompt.
        ParseResult parsed = root.Parse(arguments.Length == 0 ? ["--help"] : arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        try
        {
            if (EmptyValue(parsed) is string empty) throw new UsageException($"{empty} is empty; give it a value or leave it out.");
            if (parsed.Action is ParseErrorAction || UnknownOption(parsed) is not null) throw Refused(parsed);
            StreamWriter help = new(streams.Out);   // help and version only: commands write to the stream itself
            int code = await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = help,
                Error = streams.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,   // Interrupts does it, with a second Ctrl+C that quits
            }, cancellation);
            await help.FlushAsync(CancellationToken.None);
            return code;
        }
        catch (Exception e) when (Streams.IsBrokenPipe(e))
        {
            return ExitCodes.BrokenPipe;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception e)
        {
            await streams.Error.WriteLineAsync($"coppice: {Message(e)}");
            if (Environment.GetEnvironmentVariable(TraceVariable) is { Length: > 0 }) await streams.Error.WriteLineAsync(e.ToString());
            return ExitCodes.Usage;
        }
    }

    private static UsageException Refused(ParseResult parsed)
    {
        string path = "";   // of a command below another: "bench tree"
        for (SymbolResult? below = parsed.CommandResult; below is CommandResult { Command: not RootCommand } command; below = below.Parent) path = $"{command.Command.Name} {path}";
        Command at = parsed.CommandResult.Command;
        if (UnknownOption(parsed) is string option)
        {
            string name = option.Split('=')[0];
            IEnumerable<string> names = at.Options.Where(known => !known.Hidden).SelectMany(known => known.Aliases.Append(known.Name)).Append("--help");
            return new UsageException($"There is no option '{name}'{Meant(Suggestion.For(name, names))} See coppice {path}--help.");
        }
        if (parsed.UnmatchedTokens.Count > 0 && at.Subcommands.Count > 0)
        {
            string name = parsed.UnmatchedTokens[0];
            return new UsageException($"There is no command '{path}{name}'{Meant(Suggestion.For(name, at.Subcommands.Select(known => known.Name)) is string near ? path + near : null)} See coppice {path}--help.");
        }
        if (path.Length > 0) return new UsageException($"{parsed.Errors[0].Message} See coppice {path}--help.");
        return new UsageException("There is no command. See coppice --help.");

        static string Meant(string? name) => name is null ? "." : $"; did you mean {name}?";
    }

    // A prompt, a system message and a pattern may be empty texts; a name, a file or a number may not.
    private static readonly string[] s_mayBeEmpty = ["--prompt", "--system", "--regex"];

    private static string? EmptyValue(ParseResult parsed)
    {
        foreach (SymbolResult given in parsed.CommandResult.Children)
        {
            if (!given.Tokens.Any(token => token.Value.Length == 0)) continue;
            if (given is OptionResult { Option.Name: string name } && !s_mayBeEmpty.Contains(name)) return name;
            if (given is ArgumentResult { Argument: Argument argument }) return argument.HelpName ?? argument.Name;
        }
        return null;
    }

    // What looks like an option and is none may also have been taken for a file; behind "--" it is one.
    private static string? UnknownOption(ParseResult parsed)
    {
        if (parsed.Action is not ParseErrorAction && parsed.Action != parsed.CommandResult.Command.Action) return null;      // help, or the version
        if (parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash)) return null;
        return parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value).Concat(parsed.UnmatchedTokens)
            .FirstOrDefault(text => text.Length > 1 && text[0] == '-');
    }

    internal static RootCommand Make(Streams streams, OpenModel open)
    {
        RootCommand root = new("Answers prompts with a language model on this computer's processor. What prompts share is computed once and read once per step.") { HelpName = "coppice" };
        root.Add(RunCommand.Make(streams, open));
        root.Add(GenerateCommand.Make(streams, open));
        root.Add(ChatCommand.Make(streams, open));
        root.Add(ScoreCommand.Make(streams, open));
        root.Add(EvalCommand.Make(streams, open));
        root.Add(InspectCommand.Make(streams));
        root.Add(ServeCommand.Make(streams));
        root.Add(QuantizeCommand.Make(streams));
        Command bench = BenchCommand.Create();
        HelpPage.Attach(bench,
            ("What sharing a prefix gains on this machine", "coppice bench attention"),
            ("Where the time of a decode step goes", "coppice bench decode"));
        root.Add(bench);
        root.Options.OfType<VersionOption>().Single().Action = new ShowVersion();
        HelpPage.Attach(root,
            ("Answer the prompts of a file", "coppice run prompts.jsonl -o answers.jsonl"),
            ("Continue one prompt", "coppice generate -p \"Once upon a time\""),
            ("Talk with a model", "coppice chat --model ./my-model"),
            ("Serve a model over the OpenAI API", "coppice serve"),
            ("See what the prompts of a file share", "coppice inspect prompts.jsonl"));
        return root;
    }

    // The engine names its options as its C# callers know them.
    private static readonly (string Engine, string Tool)[] s_optionNames =
    [
        (nameof(EngineOptions.KvBytes), "--kv-memory"),
        (nameof(EngineOptions.MaxContextTokens), "--max-context"),
        (nameof(EngineOptions.MaxBatch), "--max-batch"),
        (nameof(EngineOptions.PrefillChunk), "--prefill-chunk"),
        (nameof(EngineOptions.Threads), "--threads"),
        ($"{nameof(EngineOptions.Sparq)}.{nameof(SparqOptions.Compression)}", "--sparq-compression"),
        ($"{nameof(EngineOptions.Sparq)}.{nameof(SparqOptions.R)}", "--sparq-r"),
        ($"{nameof(EngineOptions.Sparq)}.{nameof(SparqOptions.K)}", "--sparq-k"),
        ($"{nameof(EngineOptions.Sparq)}.{nameof(SparqOptions.Local)}", "--sparq-local"),
    ];

    // What a user can cause says what is wrong by itself; anything else is a fault of the tool and says so.
    private static string Message(Exception e) => OneLine(e switch
    {
        UsageException or ModelFormatException or InvalidRequestException or ContextTooLongException or ChatTemplateException or ArgumentException or IOException or UnauthorizedAccessException => WithoutParameter(e),
        OutOfMemoryException => "There is not enough memory. Use a smaller --kv-memory or --max-batch, or a smaller model.",
        _ => $"Unexpected {e.GetType().Name}: {e.Message} (set {TraceVariable}=1 to see where)",
    });

    private static string WithoutParameter(Exception e)
    {
        if (e is not ArgumentException { ParamName: string parameter }) return e.Message;
        string message = e.Message.Replace($" (Parameter '{parameter}')", "", StringComparison.Ordinal);
        foreach ((string engine, string tool) in s_optionNames) message = message.Replace(engine, tool, StringComparison.Ordinal);
        return message;
    }

    private static string OneLine(string text) => string.Join(' ', text.Split((char[])['\r', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    // The standard action shows the version of whatever program runs, which need not be the tool.
    private sealed class ShowVersion : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            string version = typeof(CoppiceCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
            parseResult.InvocationConfiguration.Output.WriteLine(version);
            return ExitCodes.Ok;
        }
    }
}
