using System.CommandLine;
using System.Text;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Inspecting;
using Coppice.Cli.Options;
using Coppice.KvCache;
using Coppice.Loading;

namespace Coppice.Cli;

/// <summary><c>coppice inspect</c>: what a model is, or what the prompts of a file share. Computes nothing with the model.</summary>
internal static class InspectCommand
{
    public static Command Make(Streams streams)
    {
        Argument<string?> target = new("target") { Arity = ArgumentArity.ZeroOrOne, HelpName = "MODEL|FILE.jsonl|-", Description = "A model, or a file of requests; - for requests on standard input. Default: the model" };
        ModelOptions model = new();
        Command command = new("inspect", "Show a model's sizes, or draw the prefix tree of a file of prompts and predict what sharing saves.") { target };
        model.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            string? path = parsed.GetValue(target);
            bool isModel = path is null || IsModel(path);
            using ModelSource source = ModelSource.Open(isModel ? path ?? model.ModelPath(parsed) : model.ModelPath(parsed));
            Tokenizer tokenizer = ModelTokenizer.Load(source);
            EngineOptions options = EngineLimits.Resolve(model.Engine(parsed), source.Config);
            StringWriter text = new() { NewLine = "\n" };
            if (isModel) Table.Write(text, ModelReport.Rows(source, tokenizer, options));
            else await DrawAsync(path!, source, tokenizer, options, streams, text, cancellation);
            await streams.Out.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()), cancellation);
            await streams.Out.FlushAsync(cancellation);
            return ExitCodes.Ok;
        });
        HelpPage.Attach(command,
            ("The model that comes with the tool", "coppice inspect"),
            ("A model of one's own", "coppice inspect ./my-model"),
            ("What the prompts of a file share, in that model's tokens", "coppice inspect prompts.jsonl --model ./my-model --kv bf16"));
        return command;
    }

    // Requests come in .jsonl files or from stdin; all else is for the model loader, which says what it misses.
    private static bool IsModel(string path) => Directory.Exists(path)
        || path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".json", StringComparison.OrdinalIgnoreCase);

    private static async Task DrawAsync(string path, ModelSource source, Tokenizer tokenizer, EngineOptions options, Streams streams, StringWriter text, CancellationToken cancellation)
    {
        List<BatchLine> lines;
        if (path == "-")
        {
            lines = await BatchFile.ReadAsync(streams.In, cancellation);
        }
        else
        {
            await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0, useAsync: true);
            lines = await BatchFile.ReadAsync(file, cancellation);
        }
        KvLayout layout = KvLayout.Of(source.Config, options.Kv);
        List<TreePrompt> prompts = [.. lines.OfType<PromptLine>().Select(line =>
            new TreePrompt(line.Prompt.Tokens ?? tokenizer.Encode(line.Prompt.Text!), line.Options.N, line.Options.CacheSalt))];
        TreeReport report = new(prompts, tokens => tokenizer.Decode(tokens));
        report.Draw(text);
        text.WriteLine();
        Table.Write(text, report.Predict(layout.PageBytes / (double)KvLayout.PageTokens, options.MaxBatch));
        foreach (BadLine bad in lines.OfType<BadLine>()) await streams.Error.WriteLineAsync($"{path} line {bad.Number}: {bad.Error.Message}");
    }
}
