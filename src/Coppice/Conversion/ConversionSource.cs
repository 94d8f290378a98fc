using Coppice.Loading;
using Coppice.Models;
using Coppice.Tokens;

namespace Coppice.Conversion;

/// <summary>What a GGUF file is made from: a GGUF file, whose names and metadata stay, or a Hugging Face folder, whose become those of GGUF.</summary>
internal sealed class ConversionSource : IDisposable
{
    private const string FileTypeKey = "general.file_type", VersionKey = "general.quantization_version";

    // Written anew, or about the layout of the file itself.
    private static readonly string[] s_ownKeys = ["general.alignment", FileTypeKey, VersionKey];

    private readonly IDisposable _file;
    private readonly Action<GgufWriter> _writeKeys;

    private ConversionSource(string path, IDisposable file, IReadOnlyList<WeightTensor> tensors, Action<GgufWriter> writeKeys)
    {
        (Path, _file, Tensors, _writeKeys) = (path, file, tensors, writeKeys);
        IsTied = !tensors.Any(tensor => tensor.Name == "output.weight");
    }

    public string Path { get; }

    /// <summary>As they will be named, shaped and ordered in the file.</summary>
    public IReadOnlyList<WeightTensor> Tensors { get; }

    /// <summary>The output layer uses the embedding's weights.</summary>
    public bool IsTied { get; }

    /// <exception cref="ModelFormatException">There is no model, or one with settings or a tokenizer that GGUF has no words for.</exception>
    public static ConversionSource Open(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? OpenGguf(path) : OpenFolder(path);

    public void WriteKeys(GgufWriter writer, WeightType type)
    {
        _writeKeys(writer);
        writer.Key(FileTypeKey, TypePolicy.FileType(type));
        writer.Key(VersionKey, 2u);
    }

    public void Dispose() => _file.Dispose();

    private static ConversionSource OpenGguf(string path)
    {
        GgufFile file = GgufFile.Open(path);
        try
        {
            foreach (WeightTensor tensor in file.Tensors) _ = tensor.Type; // refuses types that cannot be computed with, by name
            return new(path, file, [.. file.Tensors], writer =>
            {
                foreach (string key in file.Metadata.Keys)
                    if (!s_ownKeys.Contains(key)) writer.Copy(file.Metadata, key);
            });
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static ConversionSource OpenFolder(string path)
    {
        ModelSource source = ModelSource.Open(path);
        try
        {
            ModelTokenizer.Load(source); // refuses one that is larger than the model's vocabulary
            GgufSettings settings = FolderToGguf.Settings(source);
            GgufVocabulary vocabulary = FolderVocabulary.Read(source.Folder!);
            void keys(GgufWriter writer)
            {
                writer.Key("general.architecture", ModelFamilies.Of(source.Config).GgufArchitecture);
                writer.Key("general.name", vocabulary.ModelName!);
                writer.Keys(settings);
                VocabularyKeys.Write(source, vocabulary, writer);
            }
            return new(path, source, FolderToGguf.Tensors(source, settings, keys), keys);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }
}
