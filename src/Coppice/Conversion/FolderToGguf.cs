using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Conversion;

/// <summary>
/// The names and settings of a Hugging Face folder in GGUF. Only what all families write alike is written; then the settings are read back, and
/// a model that comes out different is refused: one of a family with settings, names or weights of its own in GGUF.
/// </summary>
internal static class FolderToGguf
{
    /// <exception cref="ModelFormatException">The model cannot be told in GGUF by what all families share.</exception>
    public static IReadOnlyList<ConvertedTensor> Tensors(ModelSource source, Action<GgufWriter> writeKeys)
    {
        ModelFamily family = Family(source);
        List<ConvertedTensor> tensors = [];
        foreach ((WeightKey key, WeightTensor tensor) in source.AllWeights.OrderBy(weight => weight.Key.Layer).ThenBy(weight => weight.Key.Role))
        {
            if (key.Role == WeightRole.Output && source.Config.TiedOutput) continue;
            if (family.Names.Place(source.Weights, key, WeightNaming.Gguf) is not { Cut: null } place) throw Refused(source, $"GGUF keeps its {key.Role} weights in another shape");
            tensors.Add(new(WeightNames.Name(place, key), tensor, row => row));
        }

        ModelConfig own = source.Config, read = ReadBack(source, tensors, writeKeys);
        if (read with { Family = own.Family, Rope = read.Rope with { Pairing = own.Rope.Pairing } } != own) throw Refused(source, "its settings do not survive");
        if (read.Rope.Pairing == own.Rope.Pairing) return tensors;
        if (own.QkvBias) throw Refused(source, "its biases would have to be turned");
        HashSet<WeightTensor> turned = [.. source.AllWeights.Where(weight => weight.Key.Role is WeightRole.Query or WeightRole.Key).Select(weight => weight.Value)];
        return [.. tensors.Select(tensor => turned.Contains(tensor.Tensor) ? tensor with { RowOf = row => RowInHalves(row, own.HeadSize, own.Rope.Dimensions) } : tensor)];
    }

    public static void WriteKeys(ModelSource source, GgufWriter writer)
    {
        ModelConfig config = source.Config;
        string architecture = Family(source).GgufArchitecture;
        writer.Key("general.architecture", architecture);
        writer.Key("general.name", Path.GetFileName(Path.GetFullPath(source.Folder!)));
        (string Key, int Value)[] sizes =
        [
            ("block_count", config.Layers), ("context_length", config.MaxContextTokens), ("embedding_length", config.HiddenSize), ("feed_forward_length", config.FeedForwardSize),
            ("attention.head_count", config.Heads), ("attention.head_count_kv", config.KvHeads), ("attention.key_length", config.HeadSize), ("attention.value_length", config.HeadSize),
            ("rope.dimension_count", config.Rope.Dimensions), ("vocab_size", config.VocabularySize),
        ];
        foreach ((string key, int value) in sizes) writer.Key($"{architecture}.{key}", (uint)value);
        if (config.Window > 0) writer.Key($"{architecture}.attention.sliding_window", (uint)config.Window);
        writer.Key($"{architecture}.attention.layer_norm_rms_epsilon", config.NormEpsilon);
        writer.Key($"{architecture}.rope.freq_base", config.Rope.Base);
    }

    private static ModelFamily Family(ModelSource source) => ModelFamilies.All.First(family => family.Name == source.Config.Family);

    // A file of the right length with nothing in its tensors.
    private static ModelConfig ReadBack(ModelSource source, IReadOnlyList<ConvertedTensor> tensors, Action<GgufWriter> writeKeys)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("coppice-quantize-");
        try
        {
            string path = Path.Combine(folder.FullName, "header.gguf");
            using (FileStream file = new(path, FileMode.CreateNew))
            {
                GgufWriter writer = new(file);
                writeKeys(writer);
                GgufTensor[] written = [.. tensors.Select(tensor => new GgufTensor(tensor.Name, tensor.Tensor.Shape, WeightType.F32))];
                foreach (GgufTensor tensor in written) writer.Tensor(tensor);
                writer.WriteHeader();
                file.SetLength(file.Position + written.Sum(tensor => tensor.ByteCount + GgufWriter.Alignment));
            }
            using ModelSource header = ModelSource.Open(path);
            return header.Config;
        }
        catch (ModelFormatException e)
        {
            throw Refused(source, e.Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Pair i of a head is rows (i, i + R/2) in a Hugging Face checkpoint and rows (2i, 2i + 1) in GGUF; rows behind the first R stay.
    private static long RowInHalves(long row, int headSize, int turning)
    {
        long inHead = row % headSize;
        return inHead >= turning ? row : row - inHead + inHead % 2 * (turning / 2) + inHead / 2;
    }

    private static ModelFormatException Refused(ModelSource source, string why) => new(source.Path,
        $"A folder of family {Quoted.Of(source.Config.Family)} as this one cannot be written as GGUF: {why}. Quantise a GGUF file of the model, or use the folder with --weights q8_0.");
}
