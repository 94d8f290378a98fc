using System.CommandLine;
using Coppice.Cli.Bench.Verbs;
using Coppice.Loading;

namespace Coppice.Cli.Bench;

/// <summary>coppice bench: what this machine can do, and how near Coppice comes to it.</summary>
internal static class BenchCommand
{
    public const string Name = "bench";

    private const int Failed = 2, Interrupted = 130;

    public static Command Create() => new(Name, "Measure the machine, the kernels and whole models against the machine's limits and against reading without sharing")
    {
        MachineVerb.Create(),
        LinearVerb.Create(),
        AttentionVerb.Create(),
        TreeVerb.Create(),
        SparqVerb.Create(),
        ModelVerb.CreateDecode(),
        ModelVerb.CreatePrefill(),
    };

    /// <summary>A verb with the options that all have, and with examples in its help.</summary>
    public static Command Verb(string name, string description, IEnumerable<Option> options, Func<ParseResult, BenchRun, int> run, params (string What, string Line)[] examples)
    {
        var command = new Command(name, description);
        foreach (Option option in options) command.Add(option);
        CommonOptions common = new();
        common.AddTo(command);
        HelpPage.Attach(command, examples);
        command.SetAction((parsed, cancellation) => Task.Run(() => Guarded(parsed, () => run(parsed, common.Begin(parsed, cancellation)))));
        return command;
    }

    private static int Guarded(ParseResult parsed, Func<int> run)
    {
        try
        {
            return run();
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
        catch (Exception e) when (e is BenchException or ModelFormatException or IOException or UnauthorizedAccessException)
        {
            parsed.InvocationConfiguration.Error.WriteLine($"coppice bench: {e.Message}");
            return Failed;
        }
    }
}
