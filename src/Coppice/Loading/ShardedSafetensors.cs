using System.Diagnostics.CodeAnalysis;

namespace Coppice.Loading;

/// <summary>Several safetensors files behind an index: {"weight_map": {tensor: file name}}. The files lie in the index's folder.</summary>
internal sealed class ShardedSafetensors : IWeightFile
{
    private const int MaxShards = 4096;

    private readonly List<SafetensorsFile> _shards = [];
    private readonly List<WeightTensor> _tensors = [];
    private readonly Dictionary<string, WeightTensor> _byName = new(StringComparer.Ordinal);

    private ShardedSafetensors(string path)
    {
        Path = path;
        try
        {
            OpenShards();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Path { get; }

    public IReadOnlyList<WeightTensor> Tensors => _tensors;

    /// <exception cref="ModelFormatException">The index is wrong, a shard is missing, or a shard is not what the index says.</exception>
    public static ShardedSafetensors Open(string path) => new(path);

    public bool TryGetTensor(string name, [NotNullWhen(true)] out WeightTensor? tensor) => _byName.TryGetValue(name, out tensor);

    public void Dispose()
    {
        foreach (SafetensorsFile shard in _shards) shard.Dispose();
    }

    private void OpenShards()
    {
        JsonFields index = JsonFields.Load(Path);
        JsonFields map = index.Object("weight_map") ?? throw index.Missing("weight_map", "an object of tensor names and file names");
        (string Tensor, string Shard)[] entries = [.. map.StringFields()];
        foreach ((string tensor, string shard) in entries)
            if (!IsPlainFileName(shard))
                throw new ModelFormatException(Path, $"weight_map puts tensor {Quoted.Of(tensor)} into {Quoted.Of(shard)}; needed: the name of a .safetensors file in the index's own folder.");

        string[] names = [.. entries.Select(e => e.Shard).Distinct(StringComparer.Ordinal)];
        if (names.Length > MaxShards) throw new ModelFormatException(Path, $"weight_map names {names.Length} files; at most {MaxShards} are opened.");

        string folder = System.IO.Path.GetDirectoryName(Path) ?? "";
        Dictionary<string, SafetensorsFile> byFile = new(StringComparer.Ordinal);
        foreach (string name in names)
        {
            SafetensorsFile shard = SafetensorsFile.Open(System.IO.Path.Combine(folder, name));
            _shards.Add(shard);
            byFile.Add(name, shard);
        }
        foreach ((string name, string shard) in entries)
        {
            if (!byFile[shard].TryGetTensor(name, out WeightTensor? tensor))
                throw new ModelFormatException(Path, $"weight_map puts tensor {Quoted.Of(name)} into {Quoted.Of(shard)}, which does not have it.");
            _byName.Add(name, tensor);
            _tensors.Add(tensor);
        }
    }

    // An index may come from anywhere: it must not reach files outside its folder.
    private static bool IsPlainFileName(string name) =>
        name.Length is > 0 and <= 255 && name.EndsWith(".safetensors", StringComparison.Ordinal) && !name.AsSpan().ContainsAny(s_notInNames) && !name.Any(char.IsControl);

    private static readonly System.Buffers.SearchValues<char> s_notInNames = System.Buffers.SearchValues.Create("/\\:*?\"<>|");
}
