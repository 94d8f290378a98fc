using System.Diagnostics.CodeAnalysis;

namespace Coppice.Loading;

/// <summary>One safetensors file.</summary>
internal sealed class SafetensorsFile : IWeightFile
{
    private readonly ModelFile _file;
    private readonly List<WeightTensor> _tensors;
    private readonly Dictionary<string, WeightTensor> _byName;

    private SafetensorsFile(ModelFile file)
    {
        _file = file;
        (List<SafetensorsEntry> entries, long dataOffset) = SafetensorsHeader.Read(new FileWindow(file));
        _tensors = new(entries.Count);
        _byName = new(entries.Count, StringComparer.Ordinal);
        foreach (SafetensorsEntry entry in entries)
        {
            FileTensor tensor = new(file, entry.Name, entry.Type.Name, entry.Type.Weight, entry.Shape, dataOffset + entry.Begin, entry.End - entry.Begin);
            _tensors.Add(tensor);
            _byName.Add(entry.Name, tensor);
        }
    }

    public string Path => _file.Path;

    public IReadOnlyList<WeightTensor> Tensors => _tensors;

    /// <exception cref="ModelFormatException">The file cannot be opened or is not a safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        ModelFile file = ModelFile.Open(path);
        try
        {
            return new SafetensorsFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public bool TryGetTensor(string name, [NotNullWhen(true)] out WeightTensor? tensor) => _byName.TryGetValue(name, out tensor);

    public void Dispose() => _file.Dispose();
}
