using System.Runtime.CompilerServices;

namespace Coppice.Kernels;

/// <summary>Checks of sizes at the edge of a kernel.</summary>
internal static class Shape
{
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Same(int expected, int actual, [CallerArgumentExpression(nameof(actual))] string? name = null)
    {
        if (expected != actual) throw new ArgumentException($"{name} is {actual} and must be {expected}.", name);
    }

    /// <exception cref="ArgumentException">The last row would end past the span.</exception>
    public static void Holds(int lengthFloats, int rows, int rowStrideFloats, int rowFloats, [CallerArgumentExpression(nameof(lengthFloats))] string? name = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(rowFloats);
        if (rows > 1 && rowStrideFloats < rowFloats)
            throw new ArgumentException($"A row stride of {rowStrideFloats} floats is below the row's {rowFloats}.", nameof(rowStrideFloats));
        long needed = rows == 0 ? 0 : (rows - 1L) * rowStrideFloats + rowFloats;
        if (lengthFloats < needed) throw new ArgumentException($"{name} is {lengthFloats} and {rows} rows of {rowFloats} floats need {needed}.", name);
    }
}
