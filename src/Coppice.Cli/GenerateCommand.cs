using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Text;
using Coppice.Cli.Options;

namespace Coppice.Cli;

/// <summary><c>coppice generate</c>: one prompt, its text on stdout as it comes.</summary>
internal static class GenerateCommand
{
    public static Command Make(Streams streams, OpenModel open)
    {
        Option<string?> prompt = new("--prompt", "-p") { HelpName = "text", Description = "The text to continue. Default: all of standard input" };
        Option<long?> seed = Checked.Seed("--seed", "The same seed, prompt and options draw the same text");
        SamplingOptions sampling = SamplingOptions.OfPrompt();
        ModelOptions model = new();

        Command command = new("generate", "Continue one prompt and print the text as it comes.") { prompt, seed };
        sampling.AddTo(command);
        model.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            OutputConstraint? constraint = sampling.ReadConstraint(parsed);   // refused before the model is read, which may take long
            string text = parsed.GetValue(prompt) ?? await ReadPromptAsync(streams, cancellation);
            using ITextModel opened = open(model.ModelPath(parsed), model.Engine(parsed));
            int[] tokens = opened.Encode(text, Specials.All);
            GenerateOptions options = sampling.Read(parsed, parsed.GetValue(seed), opened.MaxContextTokens - tokens.Length) with { Constraint = constraint };
            if (options.BestOf < options.N) throw new UsageException($"--best-of is {options.BestOf} and --n is {options.N}; the samples printed are chosen from those made, so --best-of must not be less.");
            IAsyncEnumerable<GenerateChunk> chunks = options.BestOf is null ? opened.GenerateAsync(tokens, options, cancellation) : BestAsync(opened, tokens, options, cancellation);
            await PrintAsync(chunks, options.N, streams.Out, cancellation);
            return ExitCodes.Ok;
        });
        HelpPage.Attach(command,
            ("Continue a text", "coppice generate -p \"Prince Andrew looked\" --max-tokens 60"),
            ("Take the likeliest answer to a question about a document", "(cat document.txt; printf '\\n\\nQuestion: Where is the house of Ada?\\nAnswer:') | coppice generate --temperature 0"),
            ("An answer that a program can read", "coppice generate -p \"Ada is 36. As JSON:\" --json-schema '{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"maxLength\":20},\"age\":{\"type\":\"integer\"}},\"required\":[\"name\",\"age\"]}'"),
            ("Four samples that can be drawn again", "coppice generate -p \"The dog\" --n 4 --seed 7"));
        return command;
    }

    private static async IAsyncEnumerable<GenerateChunk> BestAsync(ITextModel model, int[] prompt, GenerateOptions options, [EnumeratorCancellation] CancellationToken cancellation)
    {
        GenerateResult result = await model.CompleteAsync(prompt, options, cancellation);
        foreach (GenerateChoice choice in result.Choices) yield return new GenerateChunk(choice.Index, choice.Tokens[^1], choice.Text, null, choice.Finish);
    }

    private static async Task<string> ReadPromptAsync(Streams streams, CancellationToken cancellation)
    {
        if (streams.InIsTerminal) throw new UsageException("There is no prompt. Give one with -p, or pipe it in.");
        using StreamReader reader = new(streams.In, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true), leaveOpen: true);
        try
        {
            return await reader.ReadToEndAsync(cancellation).WaitAsync(cancellation);
        }
        catch (DecoderFallbackException)
        {
            throw new UsageException("The prompt on standard input is not UTF-8.");
        }
    }

    /// <summary>Prints the first sample as it comes; the others wait, whole, for their turn.</summary>
    internal static async Task PrintAsync(IAsyncEnumerable<GenerateChunk> chunks, int samples, Stream output, CancellationToken cancellation)
    {
        StringBuilder[] waiting = [.. Enumerable.Range(0, samples).Select(_ => new StringBuilder())];
        bool[] ended = new bool[samples];
        int printing = 0;
        char last = '\n';
        if (samples > 1) await WriteAsync(Heading(0));

        await foreach (GenerateChunk chunk in chunks.WithCancellation(cancellation))
        {
            waiting[chunk.Index].Append(chunk.Text);
            ended[chunk.Index] |= chunk.Finish is not null;
            while (printing < samples)
            {
                await WriteAsync(waiting[printing].ToString());
                waiting[printing].Clear();
                if (!ended[printing]) break;
                if (last != '\n') await WriteAsync("\n");
                if (++printing < samples) await WriteAsync(Heading(printing));
            }
        }

        string Heading(int sample) => $"{(sample > 0 ? "\n" : "")}--- sample {sample + 1} of {samples} ---\n";

        async Task WriteAsync(string text)
        {
            if (text.Length == 0) return;
            last = text[^1];
            await output.WriteAsync(Encoding.UTF8.GetBytes(text), cancellation);
            await output.FlushAsync(cancellation);
        }
    }
}
