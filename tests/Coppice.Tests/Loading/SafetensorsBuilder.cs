using System.Text;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Tests.Loading;

/// <summary>Writes safetensors files.</summary>
internal static class SafetensorsBuilder
{
    public static byte[] Build(params (string Name, string Type, long[] Shape, byte[] Data)[] tensors)
    {
        Dictionary<string, object> header = new(StringComparer.Ordinal);
        long offset = 0;
        foreach ((string name, string type, long[] shape, byte[] data) in tensors)
        {
            header[name] = new { dtype = type, shape, data_offsets = new[] { offset, offset + data.Length } };
            offset += data.Length;
        }
        return [.. WithHeader(JsonSerializer.Serialize(header)), .. tensors.SelectMany(t => t.Data)];
    }

    public static byte[] WithHeader(string json) => [.. BitConverter.GetBytes((ulong)Encoding.UTF8.GetByteCount(json)), .. Encoding.UTF8.GetBytes(json)];

    /// <summary>All bytes of a tensor of a readable type.</summary>
    public static byte[] Data(WeightTensor tensor)
    {
        List<byte> data = [];
        for (long row = 0; row < tensor.Rows(); row++) data.AddRange(tensor.RowBytes(row));
        return [.. data];
    }
}

internal static class TensorReading
{
    public static long Rows(this WeightTensor tensor) => tensor.Shape.SkipLast(1).Aggregate(1L, (product, dimension) => product * dimension);

    public static float[] Row(this WeightTensor tensor, long row)
    {
        float[] numbers = new float[tensor.Shape.Count == 0 ? 1 : tensor.Shape[^1]];
        tensor.ReadRow(row, numbers);
        return numbers;
    }

    public static byte[] RowBytes(this WeightTensor tensor, long row)
    {
        byte[] bytes = new byte[tensor.RowByteCount];
        tensor.ReadRowBytes(row, bytes);
        return bytes;
    }

    /// <summary>Reads everything that can be read; the sum keeps it from being optimised away.</summary>
    public static double ReadAll(IWeightFile file)
    {
        double sum = 0;
        foreach (WeightTensor tensor in file.Tensors)
        {
            try
            {
                _ = tensor.Type;
            }
            catch (ModelFormatException)
            {
                continue;
            }
            long rows = tensor.ByteCount == 0 ? Math.Min(tensor.Rows(), 1) : tensor.Rows();
            for (long row = 0; row < rows; row++) sum += tensor.Row(row).Sum();
        }
        return sum;
    }
}
