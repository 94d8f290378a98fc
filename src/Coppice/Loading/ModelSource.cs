using Coppice.Models;

namespace Coppice.Loading;

/// <summary>
/// A checkpoint, opened and checked: config, weights, and where the tokenizer's data is.
/// Its weights are read from its files, which stay open until it is disposed.
/// </summary>
internal sealed class ModelSource : IDisposable
{
    private const string ConfigFile = "config.json";
    private const string GenerationConfigFile = "generation_config.json";
    private const string WeightFile = "model.safetensors";
    private const string WeightIndexFile = "model.safetensors.index.json";

    private readonly Dictionary<WeightKey, WeightTensor> _weights;
    private readonly TextBoundaries _boundaries;

    private ModelSource(string path, IWeightFile weights, WeightNaming naming, ModelFamily family, ModelConfig config, TextBoundaries boundaries)
    {
        Path = path;
        Weights = weights;
        Config = config;
        _boundaries = boundaries;
        _weights = ModelWeights.Find(weights, config, family, naming);
    }

    /// <summary>The folder or file, as the user named it.</summary>
    public string Path { get; }

    /// <summary>The Hugging Face folder; null for a GGUF file.</summary>
    public string? Folder { get; private init; }

    /// <summary>The GGUF file's metadata; null for a folder.</summary>
    public GgufMetadata? Gguf { get; private init; }

    /// <summary>Sizes. Tests change them before an engine is made.</summary>
    public ModelConfig Config { get; set; }

    public IWeightFile Weights { get; }

    /// <summary>Any of these ends a text.</summary>
    public IReadOnlyList<int> EndOfTextTokens => _boundaries.End;

    public int? BeginOfTextToken => _boundaries.Begin;

    /// <summary>Opens a Hugging Face folder (or one of its files) or a GGUF file.</summary>
    /// <exception cref="ModelFormatException">There is nothing there, a file is not what its format says, or the model is of a kind that is not supported.</exception>
    public static ModelSource Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) return OpenFolder(path, path);
        if (!File.Exists(path)) throw new ModelFormatException(path, "There is no such file or folder.");
        if (path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) return OpenGguf(path);
        if (path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
            return OpenFolder(path, System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        throw new ModelFormatException(path, "A model is a Hugging Face folder (config.json and safetensors) or a .gguf file.");
    }

    /// <exception cref="ArgumentOutOfRangeException">The model has no such weight.</exception>
    public WeightTensor Weight(WeightKey key) =>
        _weights.TryGetValue(key, out WeightTensor? weight) ? weight : throw new ArgumentOutOfRangeException(nameof(key), key, $"A {Config.Family} model of {Config.Layers} layers has no such weight.");

    /// <summary>All weights, a tied output layer's too. Several may be parts of one tensor.</summary>
    public IReadOnlyDictionary<WeightKey, WeightTensor> AllWeights => _weights;

    /// <summary>The tensors that hold the weights, each once.</summary>
    public IEnumerable<WeightTensor> UsedTensors()
    {
        HashSet<string> names = new(_weights.Values.Select(weight => weight.Name), StringComparer.Ordinal);
        return Weights.Tensors.Where(tensor => names.Contains(tensor.Name));
    }

    public void Dispose() => Weights.Dispose();

    private static ModelSource OpenGguf(string path)
    {
        GgufFile file = GgufFile.Open(path);
        try
        {
            ModelFamily family = ModelFamilies.Of(file.Metadata);
            ModelConfig config = family.ReadConfig(file);
            return new(path, file, WeightNaming.Gguf, family, config, TextBoundaries.Read(file.Metadata, config.VocabularySize)) { Gguf = file.Metadata };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static ModelSource OpenFolder(string path, string folder)
    {
        string In(string name) => System.IO.Path.Combine(folder, name);

        if (!File.Exists(In(ConfigFile))) throw new ModelFormatException(path, NoConfig(folder));
        JsonFields fields = JsonFields.Load(In(ConfigFile));
        JsonFields? generation = File.Exists(In(GenerationConfigFile)) ? JsonFields.Load(In(GenerationConfigFile)) : null;
        ModelFamily family = ModelFamilies.Of(fields);
        // The config is checked before the weights: what it says is the better news.
        family.ReadConfig(fields, weights: null);
        string weightFile = File.Exists(In(WeightFile)) ? In(WeightFile)
            : File.Exists(In(WeightIndexFile)) ? In(WeightIndexFile)
            : throw new ModelFormatException(path, $"The folder has neither {WeightFile} nor {WeightIndexFile}. Convert its weights to safetensors.");
        IWeightFile file = WeightFiles.Open(weightFile);
        try
        {
            ModelConfig config = family.ReadConfig(fields, file);
            return new(path, file, WeightNaming.HuggingFace, family, config, TextBoundaries.Read(fields, generation, config.VocabularySize)) { Folder = folder };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static string NoConfig(string folder)
    {
        string? gguf;
        try
        {
            gguf = Directory.EnumerateFiles(folder, "*.gguf").FirstOrDefault();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"The folder cannot be read: {e.Message}";
        }
        return gguf is null ? $"The folder has no {ConfigFile}: it is not a Hugging Face model."
            : $"The folder has no {ConfigFile}. Name the GGUF file itself, such as {Quoted.Of(System.IO.Path.GetFileName(gguf))}.";
    }
}
