using System.Globalization;
using Coppice.Loading;

namespace Coppice.Conversion;

/// <summary>Tensors of one type in a written file.</summary>
/// <param name="Type">Theirs.</param>
/// <param name="Tensors">How many.</param>
/// <param name="Elements">Numbers in all of them.</param>
/// <param name="ByteCount">Of all of them.</param>
/// <param name="SquaredError">Σ (number as written - number)².</param>
internal sealed record WrittenType(WeightType Type, int Tensors, long Elements, long ByteCount, double SquaredError);

/// <summary>How far a conversion is.</summary>
internal readonly record struct ConversionProgress(string Tensor, WeightType Type, long DoneElements, long AllElements);

/// <summary>What was written.</summary>
/// <param name="ByteCount">Of the file.</param>
/// <param name="Types">Largest first.</param>
/// <param name="Fallbacks">Lines for people: tensors that could not be of the type that was asked for, and why.</param>
internal sealed record ConversionReport(long ByteCount, IReadOnlyList<WrittenType> Types, IReadOnlyList<string> Fallbacks);

/// <summary>Writes a model as a GGUF file whose matrices are of one type, as far as <see cref="TypePolicy"/> lets them.</summary>
internal static class ModelConversion
{
    /// <summary>The file is written under another name and takes its own when it is whole.</summary>
    /// <param name="source">The model.</param>
    /// <param name="type">Of its matrices.</param>
    /// <param name="path">A file that is there is replaced.</param>
    /// <param name="progress">Called before each tensor.</param>
    /// <param name="cancellation">Leaves no file behind.</param>
    /// <exception cref="ModelFormatException">A tensor holds numbers that the type cannot hold.</exception>
    public static ConversionReport Run(ConversionSource source, WeightType type, string path, Action<ConversionProgress> progress, CancellationToken cancellation)
    {
        string unfinished = $"{path}.{Environment.ProcessId}.part";
        try
        {
            ConversionReport report;
            using (FileStream file = new(unfinished, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 20)) report = Write(source, type, file, progress, cancellation);
            File.Move(unfinished, path, overwrite: true);
            return report;
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    private static ConversionReport Write(ConversionSource source, WeightType type, FileStream file, Action<ConversionProgress> progress, CancellationToken cancellation)
    {
        GgufWriter writer = new(file);
        source.WriteKeys(writer, type);
        List<(WeightTensor Tensor, GgufTensor Written)> tensors = [.. source.Tensors.Select(tensor => (tensor, new GgufTensor(tensor.Name, tensor.Shape, TypePolicy.Choose(type, tensor, source.IsTied))))];
        foreach ((_, GgufTensor written) in tensors) writer.Tensor(written);
        writer.WriteHeader();

        Dictionary<WeightType, WrittenType> types = [];
        long all = tensors.Sum(t => Elements(t.Tensor)), done = 0;
        foreach ((WeightTensor tensor, GgufTensor written) in tensors)
        {
            progress(new(tensor.Name, written.Type, done, all));
            double error = TensorRounding.Run(tensor, written.Type, writer.Append, source.Path, cancellation);
            writer.Pad();
            long elements = Elements(tensor);
            done += elements;
            WrittenType before = types.GetValueOrDefault(written.Type) ?? new(written.Type, 0, 0, 0, 0);
            types[written.Type] = new(written.Type, before.Tensors + 1, before.Elements + elements, before.ByteCount + written.ByteCount, before.SquaredError + error);
        }
        return new(file.Position, [.. types.Values.OrderByDescending(t => t.ByteCount)], Fallbacks(type, tensors.Select(t => t.Written)));
    }

    private static string[] Fallbacks(WeightType asked, IEnumerable<GgufTensor> written) => BlockFormat.Of(asked) is not { } format ? [] :
        [.. written.Where(t => t.Shape.Count > 1 && t.Type != asked && t.Shape[^1] % format.BlockElements != 0)
            .GroupBy(t => (t.Shape[^1], t.Type))
            .Select(same => string.Create(CultureInfo.InvariantCulture, $"{same.Count()} tensors have rows of {same.Key.Item1} weights, no whole blocks of {format.BlockElements}: written as {same.Key.Type} instead of {asked}"))];

    private static long Elements(WeightTensor tensor) => tensor.Shape.Aggregate(1L, (product, size) => product * size);
}
