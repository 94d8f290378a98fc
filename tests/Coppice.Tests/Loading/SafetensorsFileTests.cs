using Coppice.Loading;

namespace Coppice.Tests.Loading;

public sealed class SafetensorsFileTests
{
    [Fact]
    public void Tensors_of_every_readable_type_give_their_rows()
    {
        using TempFolder folder = new();
        byte[] halves = [.. new[] { 1.5f, -2f, 65_504f, 0f, 6e-8f, -0.1f }.SelectMany(x => BitConverter.GetBytes((Half)x))];
        float[] floats = [1, 2, 3, 4, 5, 6, 7, 8];
        byte[] upperHalves = [0x80, 0x3F, 0x00, 0xC0]; // 1, -2
        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("a.safetensors", SafetensorsBuilder.Build(
            ("f16", "F16", [2, 3], halves), ("f32", "F32", [2, 2, 2], [.. floats.SelectMany(BitConverter.GetBytes)]), ("bf16", "BF16", [2], upperHalves), ("none", "F32", [0, 4], []))));

        Assert.Equal(["f16", "f32", "bf16", "none"], file.Tensors.Select(t => t.Name), StringComparer.Ordinal);
        Assert.Equal([WeightType.F16, WeightType.F32, WeightType.BF16, WeightType.F32], file.Tensors.Select(t => t.Type));
        Assert.Equal([(float)(Half)0, (float)(Half)6e-8f, (float)(Half)(-0.1f)], file.Tensors[0].Row(1));
        Assert.Equal([7f, 8f], file.Tensors[1].Row(3));
        Assert.Equal([1f, -2f], file.Tensors[2].Row(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Tensors[1].Row(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Tensors[1].Row(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Tensors[3].Row(0));
        Assert.Throws<ArgumentException>(() => file.Tensors[1].ReadRow(0, new float[3]));
        Assert.True(file.TryGetTensor("f16", out _));
        Assert.False(file.TryGetTensor("f17", out _));
    }

    [Fact]
    public void A_tensor_may_be_larger_than_four_gigabytes()
    {
        using TempFolder folder = new();
        const long Rows = (1 << 20) + 2;
        byte[] header = SafetensorsBuilder.WithHeader($$"""{"x":{"dtype":"F32","shape":[{{Rows}},1024],"data_offsets":[0,{{Rows * 4096}}]} }""");
        string path = folder.Write("a.safetensors", header);
        using (FileStream sparse = new(path, FileMode.Open, FileAccess.Write))
        {
            sparse.SetLength(header.Length + Rows * 4096);
            sparse.Position = sparse.Length - 4;
            sparse.Write(BitConverter.GetBytes(1.5f));
        }
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(Rows * 4096, file.Tensors[0].ByteCount);
        Assert.Equal(1.5f, file.Tensors[0].Row(Rows - 1)[1023]);
        Assert.Equal(0f, file.Tensors[0].Row(Rows - 2)[1023]);
    }

    [Theory]
    [InlineData("F64", 64), InlineData("C64", 64), InlineData("F8_E4M3", 8), InlineData("F8_E5M2", 8), InlineData("F8_E8M0", 8), InlineData("F4", 4)]
    [InlineData("F6_E2M3", 6), InlineData("F6_E3M2", 6), InlineData("I8", 8), InlineData("U8", 8), InlineData("I16", 16), InlineData("U16", 16)]
    [InlineData("I32", 32), InlineData("U32", 32), InlineData("I64", 64), InlineData("U64", 64), InlineData("BOOL", 8)]
    public void A_type_that_cannot_be_computed_with_is_listed_and_refused_by_name_on_use(string type, int bits)
    {
        using TempFolder folder = new();
        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("a.safetensors", SafetensorsBuilder.Build(("x", type, [1, 8], new byte[bits]))));
        WeightTensor tensor = Assert.Single(file.Tensors);
        Assert.Equal((type, bits), (tensor.TypeName, (int)tensor.ByteCount));
        Assert.Equal([1L, 8L], tensor.Shape);
        foreach (Action use in (Action[])[() => _ = tensor.Type, () => _ = tensor.RowBytes(0).Length, () => tensor.ReadRow(0, new float[8])])
            Assert.Contains($"Tensor 'x' is kept as {type}", Assert.Throws<ModelFormatException>(use).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"Q9","shape":[],"data_offsets":[0,0]}}""", "dtype is 'Q9'")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", "has dtype twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0]}}""", "needs dtype, shape and data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0.0],"data_offsets":[0,0]}}""", "shape is an element that is Number '0.0'")]
    [InlineData("""{"a":{"dtype":"F32","shape":["0"],"data_offsets":[0,0]}}""", "shape is an element that is String '0'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0,4611686018427387904,4611686018427387904],"data_offsets":[0,0]}}""", "needed: fewer than 2^63 bits")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0,0]}}""", "at most 2")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0],"data_offsets":[5,0]}}""", "needed: [begin, end] with begin <= end")]
    [InlineData("""{"__metadata__":{"format":1}}""", "String is needed")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "twice")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", "is not the JSON object")]
    [InlineData("""{"a":[]}""", "StartObject is needed")]
    [InlineData("""{} x""", "is not the JSON object")]
    [InlineData("""[]""", "StartObject is needed")]
    [InlineData("", "is not the JSON object")]
    public void A_header_that_is_wrong_is_refused(string json, string message)
    {
        using TempFolder folder = new();
        string path = folder.Write("a.safetensors", SafetensorsBuilder.WithHeader(json));
        Assert.Contains(message, Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
        Assert.Empty(folder.StillOpen());
    }

    [Fact]
    public void An_error_shows_a_hostile_name_short_and_without_control_characters()
    {
        using TempFolder folder = new();
        string path = folder.Write("a.safetensors", SafetensorsBuilder.WithHeader("""{"\u001b[31m\u202eNAME":{"dtype":"F32"}}""".Replace("NAME", new string('x', 10_000), StringComparison.Ordinal)));
        string message = Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(path)).Message[path.Length..];
        Assert.Contains("'\\u001b[31m\\u202ex", message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
        Assert.InRange(message.Length, 1, 300);
    }
}
