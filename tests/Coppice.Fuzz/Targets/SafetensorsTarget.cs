using Coppice.Loading;

namespace Coppice.Fuzz.Targets;

/// <summary>A safetensors file, or the index of several: what begins with a brace is an index.</summary>
internal static class SafetensorsTarget
{
    public static FuzzTarget Target { get; } = new("safetensors", "Safetensors files and their indices", Syntax.Json, folder =>
    {
        string path = Path.Combine(folder, "model.safetensors"), index = Path.Combine(folder, "model.safetensors.index.json");
        // What the index of the corpus names.
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Corpus", "safetensors", "small.safetensors"), Path.Combine(folder, "shard.safetensors"));
        return input =>
        {
            string read = input is [(byte)'{', ..] ? index : path;
            File.WriteAllBytes(read, input);
            using IWeightFile file = WeightFiles.Open(read);
            Reading.Rows(file);
        };
    })
    {
        Refusals = Reading.Refusals,
        Words =
        [
            "__metadata__", "dtype", "shape", "data_offsets", "weight_map", "metadata", "\"F32\"", "\"F16\"", "\"BF16\"", "\"I64\"", "\"F4\"", "\"F8_E4M3\"", "\"BOOL\"", "[0,4]", "[4,0]", "[2,2]",
            "[9223372036854775807,2]", "\"shard.safetensors\"", "\"../shard.safetensors\"", "\"model.safetensors\"",
        ],
        SharedSeeds = ["testdata/badfiles/*.safetensors", "testdata/badfiles/*.index.json"],
    };
}
