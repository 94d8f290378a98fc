using System.CommandLine;
using System.Text;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Chat;
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
        Option<bool> json = new("--json") { Description = "Show a model as JSON, for programs" };
        ChatTemplateOption template = new();
        ModelOptions model = new();
        Command command = new("inspect", "Show what a model is and whether it runs, or draw the prefix tree of a file of prompts and predict what sharing saves.") { target, json };
        template.AddTo(command);
        model.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            string? path = parsed.GetValue(target);
            bool isModel = path is null || IsModel(path);
            if (!isModel && parsed.GetValue(json)) throw new UsageException("--json shows a model, and this is a file of requests; leave it out.");
            (byte[] shown, int code) = isModel
                ? Show(path ?? model.ModelPath(parsed), model.Engine(parsed), template.Read(parsed), parsed.GetValue(json))
                : (await DrawAsync(path!, model.ModelPath(parsed), model.Engine(parsed), template.Read(parsed), streams, cancellation), ExitCodes.Ok);
            await streams.Out.WriteAsync(shown, cancellation);
            await streams.Out.FlushAsync(cancellation);
            return code;
        });
        HelpPage.Attach(command, """
            Of a model that would not run, all that can be read is shown, with what would be refused and why. Exit code: 0 it runs,
            2 it would be refused.
            """,
            ("The model that comes with the tool", "coppice inspect"),
            ("A model of one's own", "coppice inspect ./my-model"),
            ("The same for a program", "coppice inspect model.gguf --json"),
            ("What the prompts of a file share, in that model's tokens", "coppice inspect prompts.jsonl --model ./my-model --kv bf16"));
        return command;
    }

    private static (byte[] Text, int Code) Show(string path, EngineOptions options, ChatTemplates? named, bool json)
    {
        using ModelFacts facts = ModelFacts.Of(path, named);
        if (facts.Config is { } config) options = EngineLimits.Resolve(options, config);
        StringWriter rows = new() { NewLine = "\n" };
        if (!json) Table.Write(rows, ModelReport.Rows(facts, options));
        return (json ? ModelJson.Write(facts, options) : Encoding.UTF8.GetBytes(rows.ToString()), facts.Refusals.Count == 0 ? ExitCodes.Ok : ExitCodes.Usage);
    }

    // Requests come in .jsonl files or from stdin; all else is for the model loader, which says what it misses.
    private static bool IsModel(string path) => Directory.Exists(path)
        || path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".json", StringComparison.OrdinalIgnoreCase);

    private static async Task<byte[]> DrawAsync(string path, string modelPath, EngineOptions options, ChatTemplates? named, Streams streams, CancellationToken cancellation)
    {
        using ModelSource source = ModelSource.Open(modelPath);
        Tokenizer tokenizer = ModelTokenizer.Load(source);
        ChatPrompts? chats = ChatPrompts.Of(tokenizer, named ?? ChatTemplates.Of(source));
        options = EngineLimits.Resolve(options, source.Config);
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
        List<TreePrompt> prompts = [];
        foreach (BatchLine line in lines)
        {
            try
            {
                if (line is PromptLine prompt)
                {
                    prompt.Constraint?.Invoke();        // only to see whether it can be built
                    prompts.Add(new TreePrompt(prompt.Prompt.Encode(tokenizer.Encode, chats), prompt.Options.Samples, prompt.Options.CacheSalt));
                }
                else if (line is BadLine bad) await streams.Error.WriteLineAsync($"{path} line {bad.Number}: {bad.Error.Message}");
            }
            catch (Exception e) when (e is ChatTemplateException or InvalidRequestException)
            {
                await streams.Error.WriteLineAsync($"{path} line {line.Number}: {e.Message}");
            }
        }
        TreeReport report = new(prompts, tokens => tokenizer.Decode(tokens));
        StringWriter text = new() { NewLine = "\n" };
        report.Draw(text);
        text.WriteLine();
        Table.Write(text, report.Predict(layout.PageBytes / (double)KvLayout.PageTokens, options.MaxBatch));
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
