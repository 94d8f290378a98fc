using System.CommandLine;
using Coppice.Cli.Options;
using Coppice.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Coppice.Cli.Serving;

/// <summary><c>coppice serve</c>: an OpenAI-compatible server.</summary>
internal static class ServeCommand
{
    public static Command Make(Streams streams)
    {
        ModelOptions model = new();
        ListenOptions listen = new();
        ChatTemplateOption template = new();
        Command command = new("serve", "Serve a model over the OpenAI API.");
        listen.AddTo(command);
        template.AddTo(command);
        model.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            ParseResult all = Settings.AddTo(command, parsed, Directory.GetCurrentDirectory(), Environment.GetEnvironmentVariable);
            return ServeAsync(model.ModelPath(all), model.Engine(all), listen.Read(all) with { ChatTemplates = template.Read(all) }, listen.Detail(all), streams, cancellation);
        });
        HelpPage.Attach(command, $"""
            Every option may also stand in appsettings.json in the current folder, as "Coppice": {"{"} "MaxBatch": 64 {"}"}, or in the environment, as COPPICE_MAX_BATCH=64. The command line comes first, then the environment.
            A file of keys has one key a line: its name, a space, the secret; then, if wanted, weight=2 samples=16 requests-per-minute=600 publish. Lines that begin with # are left out.
            SIGTERM and Ctrl+C stop it: new requests are refused and running ones end.
            """,
            ("Serve the sample model to programs on this machine", "coppice serve"),
            ("Ask it", "curl localhost:8080/v1/completions -H 'Content-Type: application/json' -d '{\"prompt\": \"The prince looked at\", \"n\": 3}'"),
            ("Serve a model to others, who need a key", "coppice serve --model models/llama --host '*' --api-keys-file keys.txt"));
        return command;
    }

    private static async Task<int> ServeAsync(string path, EngineOptions engineOptions, ServerOptions options, LogDetail detail, Streams streams, CancellationToken cancellation)
    {
        // With several keys no one of them fills the batch: a place is free for the next that comes.
        if (options.Keys.Count > 1) engineOptions = engineOptions with { MaxBatchPerOwner = Math.Max(1, engineOptions.MaxBatch * 3 / 4) };
        using Engine engine = Engine.Open(path, engineOptions);
        string name = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        await using CoppiceServer server = await CoppiceServer.StartAsync(engine, name, options, logging => logging.SetMinimumLevel(Enum.Parse<LogLevel>(detail.ToString())).AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss ";
            console.ColorBehavior = streams.ErrorIsTerminal ? LoggerColorBehavior.Default : LoggerColorBehavior.Disabled;
        }).Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
        TaskCompletionSource stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (cancellation.Register(stop.SetResult)) await stop.Task;
        await server.StopAsync();
        return ExitCodes.Ok;
    }
}
