using Coppice.Loading;

namespace Coppice.Tests.Loading;

public sealed class GgufFileTests
{
    [Theory]
    [InlineData(2u), InlineData(3u)]
    public void Dimensions_are_turned_into_outputs_by_inputs(uint version)
    {
        using TempFolder folder = new();
        float[] numbers = [.. Enumerable.Range(0, 6).Select(i => (float)i)];
        using GgufFile file = Open(folder, new GgufBuilder { Version = version }
            .Tensor("first", [5], 30, new byte[10]).Tensor("w", [3, 2], 0, [.. numbers.SelectMany(BitConverter.GetBytes)]));
        Assert.Equal(version, file.Version);
        Assert.True(file.TryGetTensor("w", out WeightTensor? w));
        Assert.Equal([2L, 3L], w.Shape);
        Assert.Equal([3f, 4f, 5f], w.Row(1));
    }

    [Theory]
    [InlineData(9u, "Q8_1", 32, 36)]
    [InlineData(15u, "Q8_K", 256, 292), InlineData(16u, "IQ2_XXS", 256, 66), InlineData(17u, "IQ2_XS", 256, 74)]
    [InlineData(18u, "IQ3_XXS", 256, 98), InlineData(19u, "IQ1_S", 256, 50), InlineData(21u, "IQ3_S", 256, 110)]
    [InlineData(22u, "IQ2_S", 256, 82), InlineData(24u, "I8", 1, 1), InlineData(25u, "I16", 1, 2), InlineData(26u, "I32", 1, 4)]
    [InlineData(27u, "I64", 1, 8), InlineData(28u, "F64", 1, 8), InlineData(29u, "IQ1_M", 256, 56), InlineData(34u, "TQ1_0", 256, 54), InlineData(35u, "TQ2_0", 256, 66)]
    [InlineData(39u, "MXFP4", 32, 17), InlineData(40u, "NVFP4", 64, 36), InlineData(41u, "Q1_0", 128, 18)]
    public void A_quantised_tensor_is_listed_and_refused_by_name_on_use(uint id, string name, int blockElements, int blockBytes)
    {
        using TempFolder folder = new();
        // Two rows of two blocks each, and the file ends with them.
        using GgufFile file = Open(folder, new GgufBuilder().Tensor("x", [2 * (ulong)blockElements, 2], id, new byte[4 * blockBytes]));
        WeightTensor tensor = Assert.Single(file.Tensors);
        Assert.Equal((name, 4L * blockBytes), (tensor.TypeName, tensor.ByteCount));
        foreach (Action use in (Action[])[() => _ = tensor.Type, () => _ = tensor.RowBytes(0).Length, () => tensor.ReadRow(0, new float[2 * blockElements])])
            Assert.Contains($"Tensor 'x' is kept as {name}, and weights can be read as F32, F16, BF16, Q8_0", Assert.Throws<ModelFormatException>(use).Message, StringComparison.Ordinal);
        Refused(new GgufBuilder().Tensor("x", [2 * (ulong)blockElements, 2], id, new byte[4 * blockBytes - 1]), "needed: a place within");
        if (blockElements > 1) Refused(new GgufBuilder().Tensor("x", [(ulong)blockElements / 2, 2], id, new byte[blockBytes]), $"needed: a multiple of {blockElements}, the block of {name}");
    }

    [Theory]
    [InlineData(2u, "Q4_0", 32, 18), InlineData(3u, "Q4_1", 32, 20), InlineData(6u, "Q5_0", 32, 22), InlineData(7u, "Q5_1", 32, 24), InlineData(8u, "Q8_0", 32, 34)]
    [InlineData(10u, "Q2_K", 256, 84), InlineData(11u, "Q3_K", 256, 110), InlineData(12u, "Q4_K", 256, 144), InlineData(13u, "Q5_K", 256, 176)]
    [InlineData(14u, "Q6_K", 256, 210), InlineData(20u, "IQ4_NL", 32, 18), InlineData(23u, "IQ4_XS", 256, 136)]
    public void A_tensor_of_blocks_is_read_row_by_row(uint id, string name, int blockElements, int blockBytes)
    {
        using TempFolder folder = new();
        byte[] bytes = Kernels.BlockTensor.RandomBlocks(BlockFormat.Of(Enum.Parse<WeightType>(name))!, 4, 1);
        using GgufFile file = Open(folder, new GgufBuilder().Tensor("x", [2 * (ulong)blockElements, 2], id, bytes));
        WeightTensor tensor = Assert.Single(file.Tensors);
        Assert.Equal((name, name, 4L * blockBytes), (tensor.TypeName, tensor.Type.ToString(), tensor.ByteCount));
        Assert.True(tensor.RowBytes(1).AsSpan().SequenceEqual(bytes.AsSpan(2 * blockBytes)));
        Assert.Equal(2 * blockElements, tensor.Row(1).Length);
        Assert.NotEqual(tensor.Row(0), tensor.Row(1));
        Assert.Equal(id, GgmlType.IdOf(tensor.Type));
        Refused(new GgufBuilder().Tensor("x", [2 * (ulong)blockElements, 2], id, new byte[4 * blockBytes - 1]), "needed: a place within");
        Refused(new GgufBuilder().Tensor("x", [(ulong)blockElements / 2, 2], id, new byte[blockBytes]), $"needed: a multiple of {blockElements}, the block of {name}");
    }

    [Theory]
    [InlineData(4u, "Q4_2"), InlineData(5u, "Q4_3"), InlineData(31u, "Q4_0_4_4"), InlineData(32u, "Q4_0_4_8"), InlineData(33u, "Q4_0_8_8")]
    [InlineData(36u, "IQ4_NL_4_4"), InlineData(37u, "IQ4_NL_4_8"), InlineData(38u, "IQ4_NL_8_8")]
    public void A_removed_type_is_refused_by_name(uint id, string name) =>
        Refused(new GgufBuilder().Tensor("x", [256], id, new byte[256]), $"Tensor 'x' has type {name} (id {id}), which was removed");

    [Fact]
    public void Tensors_that_lie_wrong_are_refused()
    {
        Refused(new GgufBuilder().Tensor("x", [8], 0, new byte[32]).Tensor("y", [8], 0, new byte[32], offset: 0), "Tensor 'y' has offset 0; needed: one behind tensor 'x', which ends at 32");
        Refused(new GgufBuilder().Tensor("x", [8], 0, new byte[64], offset: 4), "Tensor 'x' has offset 4; needed: a multiple of the alignment 32");
        Refused(new GgufBuilder().Tensor("x", [8], 0, new byte[32], offset: ulong.MaxValue - 31), "needed: a place within the 32 bytes of data");
        Refused(new GgufBuilder().Tensor("x", [8], 42, new byte[32]), "type id 42");
        Refused(new GgufBuilder().Tensor("x", [1, 1, 1, 1, 1], 0, new byte[32]), "5 dimensions; needed: at most 4");
        Refused(new GgufBuilder().Tensor("x", [0, 1UL << 62, 1UL << 62], 0, []), "fewer than 2^63 elements");
        Refused(new GgufBuilder().Tensor("x", [ulong.MaxValue], 24, new byte[32]), "fewer than 2^63 elements");
        Refused(new GgufBuilder().Key("general.alignment", 48u).Tensor("x", [8], 0, new byte[32]), "'general.alignment' is 48; needed: a power of two");
    }

    [Fact]
    public void Metadata_is_read_by_type()
    {
        using TempFolder folder = new();
        using GgufFile file = Open(folder, Metadata());
        GgufMetadata m = file.Metadata;
        Assert.Equal(["u32", "f32", "yes", "text", "u16", "texts", "floats", "ints", "uints", "big"], m.Keys);
        Assert.Equal(7u, m.RequiredUInt32("u32"));
        Assert.Equal(0.5f, m.RequiredFloat("f32"));
        Assert.Equal(true, m.OptionalBool("yes"));
        Assert.Equal("grün", m.RequiredString("text"));
        Assert.Equal((ushort)9, m.OptionalUInt16("u16"));
        Assert.Equal(["", "a", "ü b"], m.StringArray("texts"));
        Assert.Equal([1f, -2f], m.FloatArray("floats"));
        Assert.Equal([1, -1], m.IntArray("ints"));
        Assert.Equal([1, 2], m.IntArray("uints"));
        Assert.Equal(3, m.ArrayCount("texts"));
        Assert.Null(m.OptionalUInt32("none"));
        Assert.Null(m.OptionalFloat("none"));
        Assert.Null(m.OptionalBool("none"));
        Assert.Null(m.OptionalString("none"));
        Assert.Null(m.OptionalStringArray("none"));
        Assert.Null(m.OptionalFloatArray("none"));
        Assert.Null(m.OptionalIntArray("none"));
        Assert.Null(m.ArrayCount("none"));
        Assert.Equal("array of 3 String", m.TypeOf("texts"));
        Assert.Equal("UInt32", m.TypeOf("u32"));
    }

    [Fact]
    public void A_value_of_another_type_is_refused_with_key_type_found_and_type_needed()
    {
        using TempFolder folder = new();
        using GgufFile file = Open(folder, Metadata());
        GgufMetadata m = file.Metadata;
        Wrong(() => m.RequiredUInt32("f32"), "Metadata key 'f32' is of type Float32; needed: UInt32");
        Wrong(() => m.RequiredUInt32("none"), "Metadata key 'none' is missing; needed: UInt32");
        Wrong(() => m.RequiredInt32("u32", 8, 9), "Metadata key 'u32' is 7; needed: a number from 8 to 9");
        Wrong(() => m.OptionalFloat("u32"), "Metadata key 'u32' is of type UInt32; needed: Float32");
        Wrong(() => m.OptionalBool("u32"), "Metadata key 'u32' is of type UInt32; needed: Bool");
        Wrong(() => m.OptionalString("u32"), "Metadata key 'u32' is of type UInt32; needed: String");
        Wrong(() => m.StringArray("text"), "Metadata key 'text' is of type String; needed: an array of String");
        Wrong(() => m.StringArray("floats"), "Metadata key 'floats' is of type array of 2 Float32; needed: an array of String");
        Wrong(() => m.FloatArray("ints"), "Metadata key 'ints' is of type array of 2 Int32; needed: an array of Float32");
        Wrong(() => m.IntArray("floats"), "Metadata key 'floats' is of type array of 2 Float32; needed: an array of Int32");
        Wrong(() => m.IntArray("big"), "Metadata key 'big' is 4294967295 at element 0; needed: numbers below 2^31");
        Wrong(() => m.FloatArray("none"), "Metadata key 'none' is missing; needed: an array of Float32");
    }

    [Fact]
    public void Text_that_is_not_UTF8_is_refused()
    {
        using TempFolder folder = new();
        using GgufFile file = Open(folder, new GgufBuilder().Key("text", GgufValueType.String, [2, 0, 0, 0, 0, 0, 0, 0, 0xC3, 0x28]));
        Wrong(() => file.Metadata.OptionalString("text"), "Metadata key 'text' is not UTF-8");
    }

    [Fact]
    public void Arrays_are_not_copied_before_they_are_asked_for()
    {
        using TempFolder folder = new();
        byte[] build = new GgufBuilder().Array("numbers", GgufValueType.Float32, 1 << 20, new byte[4 << 20]).Array("texts", GgufValueType.String, 1 << 17, new byte[8 << 17]).Build();
        string path = folder.Write("a.gguf", build);
        GgufFile.Open(path).Dispose();
        long before = GC.GetAllocatedBytesForCurrentThread();
        using GgufFile file = GgufFile.Open(path);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [SharedTheory]
    [InlineData("falcon", 65024), InlineData("gpt-2", 50257), InlineData("mpt", 50432)]
    public void A_file_with_a_vocabulary_and_nothing_else_opens_but_is_no_model(string name, int tokens)
    {
        string path = TestData.Shared($"testdata/tokenizers/ggml-vocab-{name}.gguf");
        using GgufFile file = GgufFile.Open(path);
        Assert.Equal(tokens, file.Metadata.StringArray("tokenizer.ggml.tokens").Length);
        Wrong(() => ModelSource.Open(path), "'general.architecture' is");
    }

    private static GgufBuilder Metadata() => new GgufBuilder().Key("u32", 7u).Key("f32", 0.5f).Key("yes", GgufValueType.Bool, [1]).Key("text", "grün").Key("u16", GgufValueType.UInt16, [9, 0])
        .Array("texts", "", "a", "ü b").Array("floats", GgufValueType.Float32, 2, [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(-2f)])
        .Array("ints", GgufValueType.Int32, 2, [.. BitConverter.GetBytes(1), .. BitConverter.GetBytes(-1)])
        .Array("uints", GgufValueType.UInt32, 2, [.. BitConverter.GetBytes(1), .. BitConverter.GetBytes(2)])
        .Array("big", GgufValueType.UInt32, 1, [255, 255, 255, 255]);

    private static GgufFile Open(TempFolder folder, GgufBuilder builder) => GgufFile.Open(folder.Write("a.gguf", builder.Build()));

    private static void Refused(GgufBuilder builder, string message)
    {
        using TempFolder folder = new();
        Wrong(() => Open(folder, builder), message);
        Assert.Empty(folder.StillOpen());
    }

    private static void Wrong(Func<object?> read, string message) => Assert.Contains(message, Assert.Throws<ModelFormatException>(read).Message, StringComparison.Ordinal);
}
