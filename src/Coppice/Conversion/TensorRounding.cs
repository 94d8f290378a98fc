using System.Buffers;
using Coppice.KvCache;
using Coppice.Loading;

namespace Coppice.Conversion;

/// <summary>Writes a tensor's rows in another type, many rows at a time, and sums the squares of what rounding cost.</summary>
internal static class TensorRounding
{
    private const int ChunkBytes = 16 << 20;
    private const float LargestHalf = 65_504;

    /// <param name="source">The tensor.</param>
    /// <param name="type">What to write.</param>
    /// <param name="write">Takes the bytes in order.</param>
    /// <param name="file">The source's file, for messages.</param>
    /// <param name="cancellation">Ends the work between chunks.</param>
    /// <returns>The sum of (number as written - number)².</returns>
    public static double Run(WeightTensor source, WeightType type, Action<ReadOnlySpan<byte>> write, string file, CancellationToken cancellation)
    {
        int columns = checked((int)(source.Shape.Count == 0 ? 1 : source.Shape[^1])), rowBytes = checked((int)BlockFormat.BytesOf(type, columns));
        long rows = 1;
        for (int i = 0; i < source.Shape.Count - 1; i++) rows *= source.Shape[i];
        if (columns == 0 || rows == 0) return 0;
        int chunkRows = (int)Math.Clamp(ChunkBytes / Math.Max(rowBytes, sizeof(float) * columns), 1, rows);
        byte[] bytes = new byte[(long)chunkRows * rowBytes];
        double[] errors = new double[chunkRows];
        double error = 0;
        for (long first = 0; first < rows; first += chunkRows)
        {
            cancellation.ThrowIfCancellationRequested();
            int take = (int)Math.Min(chunkRows, rows - first);
            long from = first;
            try
            {
                Parallel.For(0, take, r => errors[r] = Row(source, type, from + r, columns, bytes.AsSpan(r * rowBytes, rowBytes), file));
            }
            catch (AggregateException e) when (e.InnerExceptions.OfType<ModelFormatException>().FirstOrDefault() is { } refused)
            {
                throw new ModelFormatException(refused.File, refused.Message[(refused.File.Length + 2)..], refused);
            }
            write(bytes.AsSpan(0, take * rowBytes));
            for (int r = 0; r < take; r++) error += errors[r];
        }
        return error;
    }

    private static double Row(WeightTensor source, WeightType type, long row, int columns, Span<byte> bytes, string file)
    {
        if (source.Type == type)
        {
            source.ReadRowBytes(row, bytes);
            return 0;
        }
        float[] rented = ArrayPool<float>.Shared.Rent(2 * columns);
        try
        {
            Span<float> numbers = rented.AsSpan(0, columns), written = rented.AsSpan(columns, columns);
            source.ReadRow(row, numbers);
            float limit = type is WeightType.F32 or WeightType.BF16 ? float.MaxValue : LargestHalf;
            foreach (float number in numbers)
                if (!(MathF.Abs(number) <= limit))
                    throw new ModelFormatException(file, $"Tensor {Quoted.Of(source.Name)} has {number} in row {row}, and {type} holds numbers up to {limit:0.####e0}. {(float.IsFinite(number) ? "Use bf16 or f32." : "The checkpoint is damaged.")}");
            Write(type, numbers, bytes, written);
            double error = 0;
            for (int i = 0; i < columns; i++) error += ((double)written[i] - numbers[i]) * ((double)written[i] - numbers[i]);
            return error;
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    /// <param name="type">Of the bytes.</param>
    /// <param name="numbers">Finite ones.</param>
    /// <param name="bytes">The row.</param>
    /// <param name="written">The numbers that the bytes stand for.</param>
    private static void Write(WeightType type, ReadOnlySpan<float> numbers, Span<byte> bytes, Span<float> written)
    {
        switch (type)
        {
            case WeightType.F32:
                System.Runtime.InteropServices.MemoryMarshal.AsBytes(numbers).CopyTo(bytes);
                numbers.CopyTo(written);
                break;
            case WeightType.F16:
                for (int i = 0; i < numbers.Length; i++) BitConverter.TryWriteBytes(bytes[(2 * i)..], (Half)numbers[i]);
                FloatRows.FromF16(bytes, written);
                break;
            case WeightType.BF16:
                for (int i = 0; i < numbers.Length; i++) BitConverter.TryWriteBytes(bytes[(2 * i)..], Bf16.Round(numbers[i]));
                FloatRows.FromBF16(bytes, written);
                break;
            default:
                BlockFormat format = BlockFormat.Of(type)!;
                format.Write(numbers, bytes);
                format.Read(bytes, written);
                break;
        }
    }
}
