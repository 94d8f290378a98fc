using Coppice.Memory;
using Coppice.Models;

namespace Coppice.Kernels;

/// <summary>
/// Cosines and sines of every position, computed in double and kept in f32, laid out as <see cref="Rope"/> reads them.
/// Halves: [position][cos D/2 | sin D/2]. Interleaved: [position][cos D | sin D], each number twice, the sine's first copy negated.
/// </summary>
internal sealed unsafe class RopeTable : IDisposable
{
    private readonly AlignedBuffer _buffer;
    private readonly int _rowFloats;

    /// <param name="inverseFrequencies">Angle per position of each pair: [D/2]. What a model does to stretch its context goes in here.</param>
    /// <param name="positions">Positions 0 to positions - 1 are kept.</param>
    /// <param name="pairing">Which elements turn together.</param>
    /// <param name="magnitude">Multiplies cosines and sines.</param>
    public RopeTable(ReadOnlySpan<double> inverseFrequencies, int positions, RopePairing pairing, double magnitude = 1)
    {
        if (inverseFrequencies.IsEmpty) throw new ArgumentException("RoPE needs at least one pair.", nameof(inverseFrequencies));
        ArgumentOutOfRangeException.ThrowIfLessThan(positions, 1);
        HeadSize = 2 * inverseFrequencies.Length;
        Positions = positions;
        Pairing = pairing;
        _rowFloats = pairing == RopePairing.Halves ? HeadSize : 2 * HeadSize;
        _buffer = new AlignedBuffer((long)positions * _rowFloats * sizeof(float));
        for (int position = 0; position < positions; position++)
        {
            float* row = Row(position);
            for (int i = 0; i < inverseFrequencies.Length; i++)
            {
                (double sin, double cos) = Math.SinCos(position * inverseFrequencies[i]);
                (sin, cos) = (sin * magnitude, cos * magnitude);
                if (pairing == RopePairing.Halves)
                {
                    row[i] = (float)cos;
                    row[inverseFrequencies.Length + i] = (float)sin;
                }
                else
                {
                    row[2 * i] = row[2 * i + 1] = (float)cos;
                    row[HeadSize + 2 * i] = -(float)sin;
                    row[HeadSize + 2 * i + 1] = (float)sin;
                }
            }
        }
    }

    /// <summary>D: elements that turn.</summary>
    public int HeadSize { get; }

    public int Positions { get; }

    public RopePairing Pairing { get; }

    /// <summary>The plain table: pair i turns by base^(-2i/D) per position.</summary>
    public static RopeTable Create(int headSize, double ropeBase, int positions, RopePairing pairing)
    {
        if (headSize < 2 || headSize % 2 != 0) throw new ArgumentOutOfRangeException(nameof(headSize), headSize, "A head must have an even number of elements to turn in pairs.");
        var inverse = new double[headSize / 2];
        for (int i = 0; i < inverse.Length; i++) inverse[i] = Math.Pow(ropeBase, -2.0 * i / headSize);
        return new RopeTable(inverse, positions, pairing);
    }

    /// <exception cref="ArgumentOutOfRangeException">The table does not reach that far.</exception>
    public float* Row(int position)
    {
        if ((uint)position >= (uint)Positions) throw new ArgumentOutOfRangeException(nameof(position), position, $"Position must be below {Positions}.");
        return _buffer.Floats + (long)position * _rowFloats;
    }

    public void Dispose() => _buffer.Dispose();
}
