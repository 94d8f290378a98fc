using Coppice.Conversion;
using Coppice.Loading;

namespace Coppice.Tests.Conversion;

/// <summary>What the conversion tests do again and again.</summary>
internal static class Converted
{
    public static ConversionReport Convert(string from, WeightType type, string to)
    {
        using ConversionSource source = ConversionSource.Open(from);
        return ModelConversion.Run(source, type, to, _ => { }, CancellationToken.None);
    }

    /// <summary>All of a tensor, row after row.</summary>
    public static float[] Numbers(WeightTensor tensor)
    {
        int columns = (int)tensor.Shape[^1], rows = (int)(tensor.Shape.Aggregate(1L, (a, b) => a * b) / columns);
        float[] all = new float[rows * columns];
        for (int r = 0; r < rows; r++) tensor.ReadRow(r, all.AsSpan(r * columns, columns));
        return all;
    }
}
