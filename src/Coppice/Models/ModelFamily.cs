using Coppice.Loading;

namespace Coppice.Models;

/// <summary>One kind of model: how its checkpoints are recognised, what their settings mean, and what they call their weights.</summary>
/// <param name="Name">As users know it.</param>
/// <param name="ModelType">config.json's model_type.</param>
/// <param name="Class">What config.json's architectures must name, if it names any.</param>
/// <param name="GgufArchitecture">GGUF's general.architecture.</param>
/// <param name="Read">Settings to config.</param>
/// <param name="Write">Config to GGUF settings: what <paramref name="Read"/> reads from a file.</param>
/// <param name="Names">Of the weights.</param>
internal sealed record ModelFamily(string Name, string ModelType, string Class, string GgufArchitecture, Func<ConfigFields, ModelConfig> Read, Action<ModelConfig, GgufSettings> Write, WeightNames Names)
{
    /// <summary>Tells families with one GGUF architecture apart: the number that this key has, not 0, makes a file this family's. Null: all of them are.</summary>
    public string? GgufMark { get; init; }

    /// <summary>Reads config.json. <paramref name="weights"/> may be null to learn early whether it can be read.</summary>
    public ModelConfig ReadConfig(JsonFields fields, IWeightFile? weights) => Read(new JsonConfig(fields, this, weights));

    /// <summary>Reads GGUF metadata.</summary>
    public ModelConfig ReadConfig(GgufFile file) => Read(new GgufConfig(file.Metadata, this, file));
}
