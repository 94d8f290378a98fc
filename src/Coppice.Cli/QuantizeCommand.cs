using System.CommandLine;
using System.Globalization;
using Coppice.Cli.Options;
using Coppice.Conversion;
using Coppice.Loading;

namespace Coppice.Cli;

/// <summary><c>coppice quantize</c>: a model as a GGUF file of fewer bits.</summary>
internal static class QuantizeCommand
{
    private const string TypeName = "--type", OverwriteName = "--overwrite";

    public static Command Make(Streams streams)
    {
        Argument<string> input = new("in") { HelpName = "MODEL", Description = "A Hugging Face folder or a GGUF file" };
        Argument<string> output = new("out") { HelpName = "FILE.gguf", Description = "The file to write" };
        Option<WeightType?> type = Checked.Choice(TypeName, "How matrices are kept. Norms, biases and routers of experts are f32, the output layer keeps at least 6 bits, and rows that are no whole blocks get the next larger format that fits",
            [.. Types.Select(t => (Name(t), t))]);
        type.Required = true;
        Option<bool> overwrite = new(OverwriteName) { Description = "Replace FILE.gguf if it is there" };
        Option<bool> force = new("--force") { Hidden = true };      // its name in version 1
        Command command = new("quantize", "Write a model as a GGUF file, whose weights may take fewer bits.") { input, output, type, overwrite, force };
        command.SetAction(async (parsed, cancellation) =>
        {
            string to = parsed.GetValue(output)!;
            if (!to.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"'{to}' must end in .gguf: that is what is written.");
            if (Directory.Exists(to)) throw new UsageException($"'{to}' is a folder; name the file to write.");
            if (File.Exists(to) && !parsed.GetValue(overwrite) && !parsed.GetValue(force)) throw new UsageException($"'{to}' is there already. Name another file, or add {OverwriteName} to replace it.");
            if (Path.GetDirectoryName(Path.GetFullPath(to)) is string folder && !Directory.Exists(folder)) throw new UsageException($"There is no folder '{folder}' to write '{to}' into. Make it first.");
            using ConversionSource source = ConversionSource.Open(parsed.GetValue(input)!);
            Progress progress = new(streams);
            ConversionReport report = await Task.Run(() => ModelConversion.Run(source, parsed.GetValue(type)!.Value, to, progress.Show, cancellation), cancellation);
            progress.End();
            foreach (string fallback in report.Fallbacks) await streams.Error.WriteLineAsync(fallback);
            Table.Write(streams.Error, Rows(to, report));
            return ExitCodes.Ok;
        });
        HelpPage.Attach(command,
            "A Hugging Face folder of any family that runs becomes GGUF under the names that llama.cpp gives keys and tensors, with its tokenizer and chat templates.\n" +
            "What GGUF has no words for is refused by name: RoPE scaling 'dynamic', windows in some layers of Qwen, an approximated GELU in GPT-NeoX, and\n" +
            "tokenizers with steps of their own. A file that cannot be finished is not left behind.\n" +
            "Error is the mean squared difference between a weight as written and as it was. Nothing goes to standard output.\n" +
            "Bits a weight: q2_k 2.6, q3_k 3.4, iq4_xs 4.3, q4_0 q4_k iq4_nl 4.5, q4_1 5, q5_0 q5_k 5.5, q5_1 6, q6_k 6.6, q8_0 8.5, f16 bf16 16, f32 32.",
            ("A Hugging Face folder in 4.5 bits a weight", "coppice quantize ./my-model my-model-q4_k.gguf --type q4_k"),
            ("A folder as a GGUF file with its weights as they are", "coppice quantize ./my-model my-model.gguf --type bf16"),
            ("A GGUF file in fewer bits", "coppice quantize model-f16.gguf model-q6_k.gguf --type q6_k"));
        return command;
    }

    private static IEnumerable<WeightType> Types => [WeightType.F32, WeightType.F16, WeightType.BF16, .. BlockFormat.All.Select(format => format.Type).OrderDescending()];

    private static string Name(WeightType type) => type.ToString().ToLowerInvariant();

    private static List<(string Label, string Value)> Rows(string path, ConversionReport report)
    {
        List<(string, string)> rows = [("written", $"{path}, {ByteSize.Format(report.ByteCount)}")];
        foreach (WrittenType t in report.Types)
        {
            string error = t.SquaredError == 0 ? "exact" : $"mean squared error {(t.SquaredError / t.Elements).ToString("0.00e0", CultureInfo.InvariantCulture)}";
            rows.Add((Name(t.Type), $"{t.Tensors} tensors, {ByteSize.Format(t.ByteCount)}, {(8.0 * t.ByteCount / Math.Max(1, t.Elements)).ToString("0.##", CultureInfo.InvariantCulture)} bits a weight, {error}"));
        }
        return rows;
    }

    /// <summary>One line that is written over on a terminal; elsewhere a line for each tenth.</summary>
    private sealed class Progress(Streams streams)
    {
        private int _shown = -1;

        public void Show(ConversionProgress at)
        {
            int percent = (int)(100.0 * at.DoneElements / Math.Max(1, at.AllElements));
            if (streams.ErrorIsTerminal) streams.Error.Write($"\r\u001b[K{percent,3} % {at.Tensor} {Name(at.Type)}");
            else if (percent / 10 > _shown) streams.Error.WriteLine($"{percent} % {at.Tensor}");
            _shown = percent / 10;
        }

        public void End()
        {
            if (streams.ErrorIsTerminal) streams.Error.Write("\r\u001b[K");
        }
    }
}
