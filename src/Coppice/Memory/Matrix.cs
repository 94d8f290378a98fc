using System.Diagnostics;

namespace Coppice.Memory;

/// <summary>A view of rows of floats in native memory: element (r, c) is at r · <see cref="RowFloats"/> + c. Owns nothing.</summary>
internal readonly unsafe struct Matrix
{
    public Matrix(float* data, int rows, int columns, int rowFloats)
    {
        Debug.Assert(rowFloats >= columns);
        Data = data;
        Rows = rows;
        Columns = columns;
        RowFloats = rowFloats;
    }

    public float* Data { get; }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Floats from one row to the next.</summary>
    public int RowFloats { get; }

    /// <summary>From the first element to the last.</summary>
    public Span<float> Floats => Rows == 0 ? [] : new(Data, checked((Rows - 1) * RowFloats + Columns));

    public Span<float> Row(int row)
    {
        if ((uint)row >= (uint)Rows) throw new ArgumentOutOfRangeException(nameof(row), row, $"Row must be below {Rows}.");
        return new(Data + (long)row * RowFloats, Columns);
    }

    /// <summary>Rows [first, first + count).</summary>
    public Matrix RowRange(int first, int count)
    {
        if ((uint)first > (uint)Rows || (uint)count > (uint)(Rows - first))
            throw new ArgumentOutOfRangeException(nameof(first), first, $"{count} rows from here do not lie in {Rows}.");
        return new(Data + (long)first * RowFloats, count, Columns, RowFloats);
    }

    /// <summary>Columns [first, first + count) of every row.</summary>
    public Matrix Slice(int first, int count)
    {
        if ((uint)first > (uint)Columns || (uint)count > (uint)(Columns - first))
            throw new ArgumentOutOfRangeException(nameof(first), first, $"{count} columns from here do not lie in {Columns}.");
        return new(Data + first, Rows, count, RowFloats);
    }
}
