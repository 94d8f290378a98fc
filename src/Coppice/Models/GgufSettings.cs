using Coppice.Loading;

namespace Coppice.Models;

/// <summary>
/// A model's settings on their way into GGUF, under the keys that <see cref="GgufConfig"/> reads them by. What stands in a family's file
/// beside its reading is written through this.
/// </summary>
/// <param name="family">Whose settings.</param>
/// <param name="path">The model, for messages.</param>
internal sealed class GgufSettings(ModelFamily family, string path)
{
    private readonly List<(string Key, object Value)> _values = [];
    private readonly List<(string Name, float[] Numbers)> _tensors = [];

    /// <summary>Keys with the architecture's name, in order. Each value is an int, a float, a bool, a string or a list of flags.</summary>
    public IReadOnlyList<(string Key, object Value)> Values => _values;

    /// <summary>Settings that GGUF keeps as tensors.</summary>
    public IReadOnlyList<(string Name, float[] Numbers)> Tensors => _tensors;

    public void Set(ConfigKey key, int value) => Add(key, value);

    public void Set(ConfigKey key, double value) => Add(key, (float)value);

    public void Set(ConfigKey key, bool value) => Add(key, value);

    public void Set(ConfigKey key, string value) => Add(key, value);

    /// <summary>A flag for each layer.</summary>
    public void Set(ConfigKey key, IReadOnlyList<bool> value) => Add(key, value);

    public void SetTensor(string name, IEnumerable<float> numbers) => _tensors.Add((name, [.. numbers]));

    /// <summary>The error for what GGUF has no words for.</summary>
    /// <param name="why">What, and how a file of the family would be read instead.</param>
    public ModelFormatException Refused(string why) =>
        new(path, $"A folder of family {Quoted.Of(family.Name)} as this one cannot be written as GGUF: {why}. Use the folder itself, with --weights q8_0 if it is too large.");

    private void Add(ConfigKey key, object value) => _values.Add(($"{family.GgufArchitecture}.{key.Gguf}", value));
}
