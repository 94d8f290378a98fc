using Coppice.Loading;
using Coppice.Models;
using Coppice.Tokens;

namespace Coppice.Cli.Inspecting;

/// <summary>Where the parts of a model lie, for one that cannot be opened whole.</summary>
internal sealed class ModelParts
{
    private const string ConfigFile = "config.json";

    private readonly string _path;

    private ModelParts(string path, string? folder) => (_path, Folder) = (path, folder);

    /// <summary>Null for a GGUF file.</summary>
    public string? Folder { get; }

    /// <exception cref="ModelFormatException">There is nothing there, or nothing that a model is kept in.</exception>
    public static ModelParts Find(string path)
    {
        if (File.Exists(path) && path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
        {
            // A file that is no GGUF at all has no parts to show.
            GgufFile.Open(path).Dispose();
            return new ModelParts(path, null);
        }
        string? folder = Directory.Exists(path) ? path : File.Exists(path) ? System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)) : null;
        return folder is not null && File.Exists(System.IO.Path.Combine(folder, ConfigFile)) ? new ModelParts(path, folder) : throw Nothing(path);
    }

    public IWeightFile OpenWeights()
    {
        if (Folder is null) return GgufFile.Open(_path);
        string single = System.IO.Path.Combine(Folder, "model.safetensors"), index = System.IO.Path.Combine(Folder, "model.safetensors.index.json");
        return WeightFiles.Open(File.Exists(single) || !File.Exists(index) ? single : index);
    }

    public ModelConfig ReadConfig(IWeightFile? weights)
    {
        if (weights is GgufFile file) return ModelFamilies.Of(file.Metadata).ReadConfig(file);
        JsonFields fields = JsonFields.Load(System.IO.Path.Combine(Folder ?? "", ConfigFile));
        return ModelFamilies.Of(fields).ReadConfig(fields, weights);
    }

    /// <summary>What the model calls itself, be it one that runs or not.</summary>
    public string? Named(GgufMetadata? metadata)
    {
        try
        {
            return metadata is not null ? metadata.OptionalString("general.architecture") : Folder is null ? null : JsonFields.Load(System.IO.Path.Combine(Folder, ConfigFile)).String("model_type");
        }
        catch (ModelFormatException)
        {
            return null;   // reading the config has said why
        }
    }

    /// <summary>The main settings, as far as they are there and whole numbers.</summary>
    public IReadOnlyList<(string Key, int Value)> Settings(GgufMetadata? metadata)
    {
        (string Json, string Gguf)[] keys = [("num_hidden_layers", "block_count"), ("hidden_size", "embedding_length"), ("num_attention_heads", "attention.head_count"),
            ("num_key_value_heads", "attention.head_count_kv"), ("vocab_size", "vocab_size"), ("max_position_embeddings", "context_length")];
        List<(string, int)> settings = [];
        foreach ((string json, string gguf) in keys)
        {
            string key = metadata is null ? json : $"{Named(metadata)}.{gguf}";
            try
            {
                int? value = metadata is not null ? metadata.OptionalInt32(key, 0, int.MaxValue) : Folder is null ? null : JsonFields.Load(System.IO.Path.Combine(Folder, ConfigFile)).Int32(key, 0, int.MaxValue);
                if (value is int number) settings.Add((key, number));
            }
            catch (ModelFormatException)
            {
                // Reading the config has said why.
            }
        }
        return settings;
    }

    public Tokenizer ReadTokenizer(GgufMetadata? metadata) => metadata is not null ? Tokenizer.FromGguf(ModelTokenizer.Vocabulary(_path, metadata))
        : Folder is not null ? Tokenizer.FromFolder(Folder)
        : throw new ModelFormatException(_path, "There is no tokenizer.");

    /// <summary>What the tokenizer is read from.</summary>
    public string TokenizerKind(GgufMetadata? metadata)
    {
        if (metadata is not null)
        {
            const string prefix = "tokenizer.ggml.";
            if (!metadata.Has(prefix + "model")) return "none";
            try
            {
                string pre = metadata.OptionalString(prefix + "pre") is string name ? $" ({Quoted.Of(name)})" : "";
                return $"{metadata.OptionalString(prefix + "model")}{pre} in GGUF metadata";
            }
            catch (ModelFormatException)
            {
                return "in GGUF metadata";
            }
        }
        if (Folder is null) return "none";
        string json = System.IO.Path.Combine(Folder, "tokenizer.json");
        if (File.Exists(json)) return $"{JsonKind(json)} in tokenizer.json";
        return File.Exists(System.IO.Path.Combine(Folder, "tokenizer.model")) ? "tokenizer.model" : Directory.EnumerateFiles(Folder, "*.tiktoken").FirstOrDefault() is string ranks ? System.IO.Path.GetFileName(ranks) : "none";
    }

    public static bool IsEmbedding(string tensor) => tensor is "token_embd.weight" || tensor.EndsWith("embed_tokens.weight", StringComparison.Ordinal) || tensor.EndsWith("embed_in.weight", StringComparison.Ordinal);

    private static string JsonKind(string file)
    {
        try
        {
            return JsonField.ReadFile(file, root => root.Required("model").Optional("type") is { IsNull: false } type ? type.String() : "unnamed");
        }
        catch (ModelFormatException)
        {
            return "unreadable";
        }
    }

    // The loader says best what it misses.
    private static ModelFormatException Nothing(string path)
    {
        try
        {
            ModelSource.Open(path).Dispose();
            return new ModelFormatException(path, "There is no model here.");
        }
        catch (ModelFormatException e)
        {
            return e;
        }
    }
}
