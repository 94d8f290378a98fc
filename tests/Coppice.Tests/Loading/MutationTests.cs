using System.Text;
using System.Text.Json.Nodes;
using Coppice.Loading;
using Coppice.Models;
using FsCheck;
using FsCheck.Fluent;

namespace Coppice.Tests.Loading;

/// <summary>Good files, damaged at random: they open or are refused with the one typed error, and nothing stays open.</summary>
public sealed class MutationTests
{
    private const int GgufHeaderBytes = 20_000;
    private const int SafetensorsHeaderBytes = 5_000;

    /// <summary>One change to a file. Position and Value are taken modulo what fits.</summary>
    internal sealed record Edit(EditKind Kind, int Position, ulong Value);

    internal enum EditKind
    {
        Flip,
        SetByte,
        SetUInt32,
        SetUInt64,
        Insert,
        Delete,
        Truncate,
    }

    private static readonly ulong[] s_extremes = [0, 1, 2, 7, 8, 9, 31, 64, 255, 256, 65_535, int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32, (1UL << 62) + 1, long.MaxValue, 1UL << 63, ulong.MaxValue];

    // One to four edits: most files must stay close enough to good ones to be read far.
    internal static Arbitrary<Edit[]> Edits(int region)
    {
        Gen<Edit> edit = from kind in Gen.Elements(Enum.GetValues<EditKind>())
                         from position in Gen.Choose(0, region - 1)
                         from value in Gen.OneOf(Gen.Elements(s_extremes), Gen.Choose(0, 255).Select(b => (ulong)b))
                         select new Edit(kind, position, value);
        return Gen.Choose(1, 4).SelectMany(count => edit.ArrayOf(count)).ToArbitrary();
    }

    internal static byte[] Apply(byte[] file, Edit[] edits)
    {
        List<byte> bytes = [.. file];
        foreach (Edit edit in edits)
        {
            if (bytes.Count == 0) break;
            int at = edit.Position % bytes.Count;
            switch (edit.Kind)
            {
                case EditKind.Flip: bytes[at] ^= (byte)(1 << (int)(edit.Value % 8)); break;
                case EditKind.SetByte: bytes[at] = (byte)edit.Value; break;
                case EditKind.SetUInt32: Set(bytes, at, BitConverter.GetBytes((uint)edit.Value)); break;
                case EditKind.SetUInt64: Set(bytes, at, BitConverter.GetBytes(edit.Value)); break;
                case EditKind.Insert: bytes.Insert(at, (byte)edit.Value); break;
                case EditKind.Delete: bytes.RemoveRange(at, (int)Math.Min(edit.Value % 64, (ulong)(bytes.Count - at))); break;
                case EditKind.Truncate: bytes.RemoveRange(at, bytes.Count - at); break;
            }
        }
        return [.. bytes];
    }

    private static void Set(List<byte> bytes, int at, byte[] value)
    {
        for (int i = 0; i < value.Length && at + i < bytes.Count; i++) bytes[at + i] = value[i];
    }

    [SharedFact]
    public void A_damaged_GGUF_file_opens_or_is_refused() =>
        Holds("a.gguf", File.ReadAllBytes(TestData.Shared("testdata/stories260K/stories260K-f32.gguf")), GgufHeaderBytes, 400);

    [SharedFact]
    public void A_damaged_stories_file_opens_or_is_refused() =>
        Holds("model.safetensors", File.ReadAllBytes(TestData.Shared("testdata/stories260K/hf/model.safetensors")), SafetensorsHeaderBytes, 400, TestData.Shared("testdata/stories260K/hf/config.json"));

    [Fact]
    public void A_damaged_sample_file_opens_or_is_refused() =>
        Holds("model.safetensors", File.ReadAllBytes(Path.Combine(TestData.SampleModel, "model.safetensors")), SafetensorsHeaderBytes, 100, Path.Combine(TestData.SampleModel, "config.json"));

    [Fact]
    public void A_damaged_small_GGUF_file_opens_or_is_refused()
    {
        byte[] file = new GgufBuilder().Key("general.architecture", "llama").Key("llama.block_count", 1u).Array("tokenizer.ggml.tokens", "a", "b", "c")
            .Array("tokenizer.ggml.scores", GgufValueType.Float32, 3, new byte[12]).Tensor("x", [4, 2], 1, new byte[16]).Tensor("y", [32], 2, new byte[18]).Build();
        Holds("a.gguf", file, file.Length, 2000);
    }

    [Fact]
    public void A_damaged_file_of_quantised_tensors_opens_or_is_refused()
    {
        GgufBuilder file = new GgufBuilder().Key("general.architecture", "llama");
        foreach (BlockFormat format in BlockFormat.All)
            file.Tensor($"t.{format.Type}", [256, 2], GgmlType.IdOf(format.Type), Kernels.BlockTensor.RandomBlocks(format, 512 / format.BlockElements, 1));
        byte[] bytes = file.Build();
        Holds("a.gguf", bytes, bytes.Length, 400);
    }

    [Fact]
    public void A_damaged_config_opens_or_is_refused()
    {
        using TempFolder folder = new();
        File.Copy(Path.Combine(TestData.SampleModel, "model.safetensors"), folder.File("model.safetensors"));
        byte[] config = File.ReadAllBytes(Path.Combine(TestData.SampleModel, "config.json"));
        Check(Edits(config.Length), 1000, edits => OpensOrIsRefused(folder, "config.json", Apply(config, edits), folder.Path));
    }

    [Fact]
    public void A_config_with_values_of_other_kinds_opens_or_is_refused()
    {
        using TempFolder folder = new();
        File.Copy(Path.Combine(TestData.SampleModel, "model.safetensors"), folder.File("model.safetensors"));
        JsonObject config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(TestData.SampleModel, "config.json")))!.AsObject();
        string[] keys = [.. config.Select(p => p.Key), "rope_scaling", "rope_parameters", "quantization_config", "hidden_act", "attention_bias", "mlp_bias", "partial_rotary_factor"];
        string[] values = ["null", "0", "-1", "1", "2", "1.5", "-0.0", "1e400", "-1e400", "2147483647", "2147483648", "9223372036854775808", "1e9", "true", "false", "\"\"", "\"x\"", "\"\\ud800\"",
            "[]", "[0]", "[-1]", "[\"x\"]", "[[]]", "{}", "{\"type\":1}", "{\"rope_type\":\"x\"}", "{\"rope_theta\":\"x\"}", "{\"quant_method\":[]}"];
        Arbitrary<(string Key, string Value)[]> changes = Gen.Choose(1, 3).SelectMany(count =>
            (from key in Gen.Elements(keys) from value in Gen.Elements(values) select (key, value)).ArrayOf(count)).ToArbitrary();
        Check(changes, 1000, edits =>
        {
            Dictionary<string, string> fields = config.ToDictionary(p => p.Key, p => p.Value?.ToJsonString() ?? "null", StringComparer.Ordinal);
            foreach ((string key, string value) in edits) fields[key] = value;
            string json = $"{{{string.Join(',', fields.Select(f => $"\"{f.Key}\":{f.Value}"))}}}";
            return OpensOrIsRefused(folder, "config.json", Encoding.UTF8.GetBytes(json), folder.Path);
        });
    }

    [Fact]
    public void A_damaged_index_opens_or_is_refused()
    {
        using TempFolder folder = new();
        ShardedSafetensorsTests.Split(folder, 2);
        byte[] index = File.ReadAllBytes(folder.File("model.safetensors.index.json"));
        Check(Edits(index.Length), 500, edits => OpensOrIsRefused(folder, "model.safetensors.index.json", Apply(index, edits), folder.Path));
    }

    private static void Holds(string name, byte[] file, int region, int tests, string? config = null)
    {
        using TempFolder folder = new();
        if (config is not null) File.Copy(config, folder.File("config.json"));
        Check(Edits(Math.Min(region, file.Length)), tests, edits => OpensOrIsRefused(folder, name, Apply(file, edits), config is null ? folder.File(name) : folder.Path));
    }

    internal static void Check<T>(Arbitrary<T> cases, int tests, Func<T, bool> opens)
    {
        int opened = 0;
        Prop.ForAll(cases, c => { if (opens(c)) opened++; }).Check(Config.QuickThrowOnFailure.WithMaxTest(tests).WithReplay(new Replay(new Rnd(20_260_101, 7), Microsoft.FSharp.Core.FSharpOption<int>.None)));
        Assert.InRange(opened, 1, tests - 1); // else the edits would not reach what they are meant to
    }

    /// <summary>Whether the container opened (the model, for a config). Any other exception fails the test, and so does a file that stays open.</summary>
    private static bool OpensOrIsRefused(TempFolder folder, string name, byte[] bytes, string model)
    {
        string path = folder.Write(name, bytes);
        bool isConfig = name == "config.json";
        bool opened = isConfig || Try(() =>
        {
            using IWeightFile file = WeightFiles.Open(path);
            TensorReading.ReadAll(file);
            if (file is GgufFile gguf) ReadMetadata(gguf.Metadata);
        });
        bool modelOpened = Try(() =>
        {
            using ModelSource source = ModelSource.Open(model);
            foreach (WeightTensor weight in source.AllWeights.Values) weight.Row(0);
        });
        Assert.Empty(folder.StillOpen());
        return isConfig ? modelOpened : opened;
    }

    private static bool Try(Action open)
    {
        try
        {
            open();
            return true;
        }
        catch (ModelFormatException)
        {
            return false;
        }
    }

    private static void ReadMetadata(GgufMetadata metadata)
    {
        foreach (string key in metadata.Keys)
        {
            string type = metadata.TypeOf(key);
            if (type == "String") metadata.OptionalString(key);
            else if (type.EndsWith(" String", StringComparison.Ordinal)) metadata.StringArray(key);
            else if (type.EndsWith(" Float32", StringComparison.Ordinal)) metadata.FloatArray(key);
            else if (type.EndsWith("Int32", StringComparison.Ordinal) && type.StartsWith("array", StringComparison.Ordinal)) metadata.IntArray(key);
        }
    }
}
