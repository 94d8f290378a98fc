using Coppice.Backends;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>A whole model to be timed: from a file, or of a known shape with random weights made in memory.</summary>
internal sealed class BenchModel : IDisposable
{
    private readonly ModelSource? _source;

    private BenchModel(string name, ModelSource? source, ModelConfig config, Func<LlamaWeight, int, WeightTensor> weight, int threads, int maxPositions)
    {
        (Name, _source, Config) = (name, source, config);
        Backend = new TimedBackend(new CpuBackend(threads));
        try
        {
            Llama = new Llama(config, weight, Backend, maxPositions);
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

    public Llama Llama { get; }

    /// <exception cref="ModelFormatException">Not a model that can be run.</exception>
    public static BenchModel Open(string path, int threads, int maxPositions)
    {
        ModelSource source = ModelSource.Open(path);
        try
        {
            return new BenchModel(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), source, source.Config, source.Weight, threads, maxPositions);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <exception cref="BenchException">The weights do not fit into memory.</exception>
    public static BenchModel OfShape(string name, int threads, int maxPositions)
    {
        ModelConfig config = ModelShapes.Config(name);
        long needed = WeightBytes(config), memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (needed > memory * 0.9)
            throw new BenchException($"--shape {name} has {needed / (double)(1L << 30):0.#} GiB of weights and the machine has {memory / (double)(1L << 30):0.#} GiB. Choose a smaller one of {string.Join(", ", ModelShapes.Names)}.");
        return new BenchModel(name, null, config, RandomTensor.Of(config), threads, maxPositions);
    }

    public void Dispose()
    {
        Llama.Dispose();
        Backend.Dispose();
        _source?.Dispose();
    }

    private static long WeightBytes(ModelConfig config)
    {
        long floats = 0;
        foreach ((string name, int inputs, int outputs) in ModelShapes.Linears(config)) floats += (long)inputs * outputs * (name == "output" ? 1 : config.Layers);
        return floats * sizeof(float);
    }
}
