using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Loading;

namespace Coppice.Tests.Loading;

public sealed class ShardedSafetensorsTests
{
    private const string Index = "model.safetensors.index.json";

    /// <summary>The sample model in several files with an index.</summary>
    internal static void Split(TempFolder folder, int shards)
    {
        using SafetensorsFile whole = SafetensorsFile.Open(Path.Combine(TestData.SampleModel, "model.safetensors"));
        Dictionary<string, string> map = [];
        for (int shard = 0; shard < shards; shard++)
        {
            string name = $"model-{shard + 1:d5}-of-{shards:d5}.safetensors";
            WeightTensor[] own = [.. whole.Tensors.Where((_, i) => i % shards == shard)];
            foreach (WeightTensor tensor in own) map[tensor.Name] = name;
            folder.Write(name, SafetensorsBuilder.Build([.. own.Select(t => (t.Name, t.TypeName, t.Shape.ToArray(), SafetensorsBuilder.Data(t)))]));
        }
        folder.Write(Index, JsonSerializer.Serialize(new { metadata = new { total_size = 1 }, weight_map = map }));
        File.Copy(Path.Combine(TestData.SampleModel, "config.json"), folder.File("config.json"));
    }

    [Fact]
    public void A_model_in_three_files_is_the_model_in_one()
    {
        using TempFolder folder = new();
        Split(folder, 3);
        using (ModelSource whole = ModelSource.Open(TestData.SampleModel))
        using (ModelSource split = ModelSource.Open(folder.Path))
        {
            Assert.Equal(whole.Config, split.Config);
            Assert.Equal(whole.Weights.Tensors.Count, split.Weights.Tensors.Count);
            foreach (WeightTensor tensor in whole.Weights.Tensors)
            {
                Assert.True(split.Weights.TryGetTensor(tensor.Name, out WeightTensor? same));
                Assert.Equal(SafetensorsBuilder.Data(tensor), SafetensorsBuilder.Data(same));
            }
        }
        Assert.Empty(folder.StillOpen());
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("sub/model.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("C:\\model.safetensors")]
    [InlineData("..\\model.safetensors")]
    [InlineData("model.bin")]
    [InlineData("nul\0.safetensors")]
    [InlineData("")]
    public void A_shard_outside_the_folder_is_refused_before_it_is_touched(string shard)
    {
        using TempFolder folder = new();
        string path = folder.Write(Index, JsonSerializer.Serialize(new { weight_map = new { a = shard } }));
        Assert.Contains("in the index's own folder", Assert.Throws<ModelFormatException>(() => WeightFiles.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{}""", "weight_map is missing")]
    [InlineData("""{"weight_map":[]}""", "weight_map is []; needed: an object")]
    [InlineData("""{"weight_map":{"a":1}}""", "weight_map.a is 1; needed: a string")]
    [InlineData("""{"weight_map":{"a":"b.safetensors","a":"b.safetensors"}}""", "not valid JSON")]
    [InlineData("""{"weight_map":{"a":"b.safetensors"}}""", "There is no such file")]
    [InlineData("""{"weight_map":""", "not valid JSON")]
    public void An_index_that_is_wrong_is_refused(string json, string message)
    {
        using TempFolder folder = new();
        Assert.Contains(message, Assert.Throws<ModelFormatException>(() => WeightFiles.Open(folder.Write(Index, json))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_that_its_shard_does_not_have_is_refused_and_the_shards_are_closed()
    {
        using TempFolder folder = new();
        Split(folder, 2);
        JsonNode index = JsonNode.Parse(File.ReadAllBytes(folder.File(Index)))!;
        index["weight_map"]!["model.norm.weight"] = "model-00001-of-00002.safetensors";
        index["weight_map"]!["model.embed_tokens.weight"] = "model-00002-of-00002.safetensors";
        folder.Write(Index, index.ToJsonString());
        Assert.Contains("which does not have it", Assert.Throws<ModelFormatException>(() => ModelSource.Open(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Empty(folder.StillOpen());
    }
}
