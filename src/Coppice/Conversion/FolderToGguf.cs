using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Conversion;

/// <summary>
/// The weights of a Hugging Face folder as GGUF keeps them, under the names that the family's file gives them. How a file of the family would be
/// read decides what is done to their numbers; a model that would come out different is refused.
/// </summary>
internal static class FolderToGguf
{
    /// <summary>A tensor of the file and the weights that go into it.</summary>
    private sealed record Place(string Name, IReadOnlyList<long> Shape, List<(WeightRole Role, WeightTensor Weight, TensorCut? Cut)> Weights);

    /// <summary>The model's settings under GGUF's keys.</summary>
    /// <exception cref="ModelFormatException">GGUF has no words for one of them.</exception>
    public static GgufSettings Settings(ModelSource source)
    {
        ModelFamily family = ModelFamilies.Of(source.Config);
        GgufSettings settings = new(family, source.Path);
        family.Write(source.Config, settings);
        return settings;
    }

    /// <summary>All tensors of the file, in its order.</summary>
    /// <exception cref="ModelFormatException">A file with these keys would be read as another model.</exception>
    public static IReadOnlyList<WeightTensor> Tensors(ModelSource source, GgufSettings settings, Action<GgufWriter> writeKeys)
    {
        WrittenVector[] rope = [.. settings.Tensors.Select(tensor => new WrittenVector(tensor.Name, tensor.Numbers))];
        List<Place> places = Places(source);
        ModelConfig own = source.Config, read = ReadBack(settings, rope, places, writeKeys);
        if (ConfigDifference.Find(own, read) is string difference) throw settings.Refused(difference);
        return [.. rope, .. places.Select(place => Tensor(place, own, read))];
    }

    private static List<Place> Places(ModelSource source)
    {
        WeightNames names = ModelFamilies.Of(source.Config).Names;
        Dictionary<string, Place> places = new(StringComparer.Ordinal);
        foreach ((WeightKey key, WeightTensor weight) in source.AllWeights.OrderBy(weight => weight.Key.Layer).ThenBy(weight => weight.Key.Role).ThenBy(weight => weight.Key.Expert))
        {
            if (key.Role == WeightRole.Output && source.Config.TiedOutput) continue;
            WeightPlace to = names.Place(source.Weights, key, WeightNaming.Gguf)!;
            TensorCut? cut = to.Cut?.Invoke(source.Config, key.Expert);
            string name = WeightNames.Name(to, key);
            if (!places.TryGetValue(name, out Place? place)) places.Add(name, place = new(name, cut?.TensorShape ?? weight.Shape, []));
            place.Weights.Add((key.Role, weight, cut));
        }
        return [.. places.Values];
    }

    private static WeightTensor Tensor(Place place, ModelConfig own, ModelConfig read)
    {
        TensorShare[] shares = [.. place.Weights.Select(one => new TensorShare(one.Weight, one.Cut, Rows(one.Role, own, read)))];
        if (place.Shape.Count > 1) return new ComposedTensor(place.Name, shares);
        // Norms' weights that a folder keeps as a difference from 1 have it added in files.
        return WrittenVector.Of(place.Name, shares, IsNorm(place.Weights[0].Role) ? own.NormOffset - read.NormOffset : 0);
    }

    // Pair i of a head is rows (i, i + R/2) in a folder and, in files of some families, rows (2i, 2i + 1); rows behind the first R stay. What is true of rows
    // is true of the elements of a head's bias and norm.
    private static Func<long, long> Rows(WeightRole role, ModelConfig own, ModelConfig read)
    {
        bool turned = own.Rope.Pairing != read.Rope.Pairing
            && role is WeightRole.Query or WeightRole.Key or WeightRole.QueryBias or WeightRole.KeyBias or WeightRole.QueryNorm or WeightRole.KeyNorm;
        if (!turned) return row => row;
        int headSize = own.HeadSize, turning = own.Rope.Dimensions;
        return row => row % headSize is var inHead && inHead >= turning ? row : row - inHead + inHead % 2 * (turning / 2) + inHead / 2;
    }

    private static bool IsNorm(WeightRole role) => role is WeightRole.OutputNorm or WeightRole.AttentionNorm or WeightRole.QueryNorm or WeightRole.KeyNorm
        or WeightRole.AttentionPostNorm or WeightRole.FeedForwardNorm or WeightRole.FeedForwardPostNorm;

    // The file as it will be, with nothing in its matrices.
    private static ModelConfig ReadBack(GgufSettings settings, WrittenVector[] rope, List<Place> places, Action<GgufWriter> writeKeys)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("coppice-quantize-");
        try
        {
            string path = Path.Combine(folder.FullName, "header.gguf");
            using (FileStream file = new(path, FileMode.CreateNew))
            {
                GgufWriter writer = new(file);
                writeKeys(writer);
                GgufTensor[] written = [.. rope.Select(tensor => new GgufTensor(tensor.Name, tensor.Shape, WeightType.F32)), .. places.Select(place => new GgufTensor(place.Name, place.Shape, WeightType.F32))];
                foreach (GgufTensor tensor in written) writer.Tensor(tensor);
                writer.WriteHeader();
                foreach (WrittenVector vector in rope)
                {
                    writer.Append(vector.Bytes);
                    writer.Pad();
                }
                file.SetLength(file.Position + written.Sum(tensor => tensor.ByteCount + GgufWriter.Alignment));
            }
            using ModelSource header = ModelSource.Open(path);
            return header.Config;
        }
        catch (ModelFormatException e)
        {
            throw settings.Refused(e.Message[(e.File.Length + 2)..].TrimEnd('.'));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
