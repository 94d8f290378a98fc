using System.Globalization;
using Coppice.Loading;
using Coppice.Models.Families;

namespace Coppice.Models;

/// <summary>The families that run. A new one is a file in Families/ and a line here.</summary>
internal static class ModelFamilies
{
    public static IReadOnlyList<ModelFamily> All { get; } =
    [
        Llama.Family,
        Mistral.Family,
        Mixtral.Family,
        GptNeoX.Family,
        Gemma.Family,
        Gemma2.Family,
        Gemma3.Family,
        Qwen2.Family,
        Qwen3.Family,
        Qwen3Moe.Family,
        Phi3.Family,
    ];

    /// <exception cref="ModelFormatException">It is a kind of model that does not run.</exception>
    public static ModelFamily Of(JsonFields config)
    {
        string type = config.RequiredString("model_type");
        ModelFamily family = All.FirstOrDefault(f => f.ModelType == type) ?? throw config.Wrong("model_type", Quoted.Of(type), $"one of {List(f => f.ModelType)}");
        if (config.Strings("architectures") is { Length: > 0 } names && !names.Contains(family.Class, StringComparer.OrdinalIgnoreCase))
            throw config.Wrong("architectures", Quoted.Of(names[0]), $"'{family.Class}' in a model of type '{type}'");
        return family;
    }

    /// <exception cref="ModelFormatException">It is a kind of model that does not run, or only a part of one.</exception>
    public static ModelFamily Of(GgufMetadata metadata)
    {
        const string ArchitectureKey = "general.architecture";
        string architecture = metadata.RequiredString(ArchitectureKey);
        ModelFamily[] candidates = [.. All.Where(f => f.GgufArchitecture == architecture)];
        if (candidates.Length == 0) throw metadata.Wrong(ArchitectureKey, Quoted.Of(architecture), $"one of {List(f => f.GgufArchitecture)}");
        if (metadata.OptionalUInt16("split.count") is > 1 and ushort parts)
            throw metadata.Wrong("split.count", parts.ToString(CultureInfo.InvariantCulture), "1; merge the parts into one file");
        return candidates.FirstOrDefault(f => f.GgufMark is not null && metadata.OptionalUInt32($"{architecture}.{f.GgufMark}") is > 0)
            ?? candidates.First(f => f.GgufMark is null);
    }

    /// <summary>The family that a config was read by.</summary>
    public static ModelFamily Of(ModelConfig config) => All.First(family => family.Name == config.Family);

    private static string List(Func<ModelFamily, string> name) => string.Join(", ", All.Select(name).Distinct().Select(one => $"'{one}'"));
}
