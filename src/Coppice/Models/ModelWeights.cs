using Coppice.Loading;

namespace Coppice.Models;

/// <summary>The search for all of a model's weights in its file.</summary>
internal static class ModelWeights
{
    // Read with the config.
    private static readonly string[] s_ropeTensors = [RopeScalings.DivisorTensor, RopeScalings.LongTensor, RopeScalings.ShortTensor];

    /// <summary>All weights of a model, each of the shape that the config asks for and of a type that can be computed with.</summary>
    /// <exception cref="ModelFormatException">A weight is missing, has another shape or an unknown type, or the file holds tensors that the model does not have.</exception>
    public static Dictionary<WeightKey, WeightTensor> Find(IWeightFile file, ModelConfig config, ModelFamily family, WeightNaming naming)
    {
        Dictionary<WeightKey, WeightTensor> found = [];
        HashSet<string> known = new(StringComparer.Ordinal);
        foreach (WeightKey key in WeightRoles.Of(config))
        {
            WeightPlace place = family.Names.Place(file, key, naming) ?? throw new InvalidOperationException($"{family.Name} has no name for {key.Role} in {naming}.");
            // A tied output layer's own tensor is a copy that some tools write.
            known.Add(WeightNames.Name(place, key));
            found.Add(key, key.Role == WeightRole.Output && config.TiedOutput ? found[new WeightKey(WeightRole.Embedding)] : FindOne(file, config, place, key));
        }
        if (naming == WeightNaming.Gguf) known.UnionWith(s_ropeTensors);
        foreach (WeightTensor tensor in file.Tensors)
            if (!known.Contains(tensor.Name) && !family.Names.Derived.Any(end => tensor.Name.EndsWith(end, StringComparison.Ordinal))) throw Stray(file, config, tensor);
        return found;
    }

    private static WeightTensor FindOne(IWeightFile file, ModelConfig config, WeightPlace place, WeightKey key)
    {
        long[] shape = WeightRoles.Shape(key.Role, config);
        TensorCut? cut = place.Cut?.Invoke(config, key.Expert);
        long[] needed = cut?.TensorShape ?? shape;
        string name = WeightNames.Name(place, key);
        if (!file.TryGetTensor(name, out WeightTensor? tensor))
            throw new ModelFormatException(file.Path, $"Tensor {Quoted.Of(name)} is missing; needed: {Quoted.Shape(needed)}.");
        if (!tensor.Shape.SequenceEqual(needed))
            throw new ModelFormatException(file.Path, $"Tensor {Quoted.Of(name)} has shape {Quoted.Shape(tensor.Shape)}; the model's config needs {Quoted.Shape(needed)}.");
        _ = tensor.Type; // refuses types that cannot be computed with, by name
        return cut is TensorCut part ? new TensorPart(tensor, part, shape) : tensor;
    }

    // A tensor that would be left out means an answer that is wrong without a sign of it.
    private static ModelFormatException Stray(IWeightFile file, ModelConfig config, WeightTensor tensor) => new(file.Path,
        $"Tensor {Quoted.Of(tensor.Name)} has no place in a {config.Family} model of {config.Layers} layers as its config describes it. Use a checkpoint of the plain architecture.");
}
