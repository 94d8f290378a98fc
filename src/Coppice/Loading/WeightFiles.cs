namespace Coppice.Loading;

/// <summary>The containers that weights are read from.</summary>
internal static class WeightFiles
{
    private static readonly (string Suffix, Func<string, IWeightFile> Open)[] s_containers =
    [
        (".safetensors", SafetensorsFile.Open),
        (".safetensors.index.json", ShardedSafetensors.Open),
        (".gguf", GgufFile.Open),
    ];

    /// <exception cref="ModelFormatException">The name has none of the known endings, or the file is not what its format says.</exception>
    public static IWeightFile Open(string path)
    {
        foreach ((string suffix, Func<string, IWeightFile> open) in s_containers)
            if (path.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) return open(path);
        throw new ModelFormatException(path, $"The file name must end in one of {string.Join(", ", s_containers.Select(c => c.Suffix))}.");
    }
}
