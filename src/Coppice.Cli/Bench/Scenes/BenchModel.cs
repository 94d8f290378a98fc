using Coppice.Backends;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>A whole model to be timed: from a file, or of a known shape with random weights made in memory.</summary>
internal sealed class BenchModel : IDisposable
{
    private readonly ModelSource? _source;

    private BenchModel(string name, ModelSource? source, ModelConfig config, Func<WeightKey, WeightTensor> weight, Func<IBackend> backend, int maxPositions)
    {
        (Name, _source, Config) = (name, source, config);
        Backend = new TimedBackend(backend());
        try
        {
            Decoder = new Decoder(config, weight, Backend, maxPositions, maxPositions, config.VocabularySize);
        }
        catch
        {
            Backend.Dispose();
            throw;
        }
    }

    public string Name { get; }

    public ModelConfig Config { get; }

    public TimedBackend Backend { get; }

    public Decoder Decoder { get; }

    /// <param name="path">Folder or file.</param>
    /// <param name="backend">Makes the backend, which the model owns.</param>
    /// <param name="maxPositions">Longest sequence.</param>
    /// <exception cref="ModelFormatException">Not a model that can be run.</exception>
    public static BenchModel Open(string path, Func<IBackend> backend, int maxPositions)
    {
        ModelSource source = ModelSource.Open(path);
        try
        {
            return new BenchModel(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), source, source.Config, source.Weight, backend, maxPositions);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <param name="name">Of <see cref="ModelShapes"/>.</param>
    /// <param name="backend">Makes the backend, which the model owns.</param>
    /// <param name="format">What the backend keeps weights in: for the memory they need.</param>
    /// <param name="maxPositions">Longest sequence.</param>
    /// <exception cref="BenchException">The weights do not fit into memory.</exception>
    public static BenchModel OfShape(string name, Func<IBackend> backend, WeightFormat format, int maxPositions)
    {
        ModelConfig config = ModelShapes.Config(name);
        long needed = WeightBytes(config, format), memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (needed > memory * 0.9)
            throw new BenchException($"--shape {name} has {needed / (double)(1L << 30):0.#} GiB of weights and the machine has {memory / (double)(1L << 30):0.#} GiB. Use --weights bf16 or q8_0, or a smaller one of {string.Join(", ", ModelShapes.Names)}.");
        return new BenchModel(name, null, config, RandomTensor.Of(config), backend, maxPositions);
    }

    public void Dispose()
    {
        Decoder.Dispose();
        Backend.Dispose();
        _source?.Dispose();
    }

    private static long WeightBytes(ModelConfig config, WeightFormat format)
    {
        long floats = 0;
        foreach ((string name, int inputs, int outputs) in ModelShapes.Linears(config)) floats += (long)inputs * outputs * (name == "output" ? 1 : config.Layers);
        return floats * (format switch { WeightFormat.BF16 => 16, WeightFormat.Q8_0 => 9, _ => 32 }) / 8;
    }
}
