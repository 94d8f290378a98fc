namespace Coppice.Memory;

/// <summary>
/// Scratch of one step: hands out pieces by moving an offset and takes all of them back at once. Pieces are 64-byte aligned and hold
/// whatever was there before. A step that needs more than any before it gets further blocks; the next <see cref="Reset"/> puts
/// one block in their place, so steps of a size seen before allocate nothing. For one thread.
/// </summary>
/// <remarks>Invariant: 0 ≤ used ≤ last block's bytes; every piece lies in one block and is valid until Reset or Dispose.</remarks>
internal sealed unsafe class StepArena : IDisposable
{
    private readonly List<AlignedBuffer> _blocks = [];
    private long _usedBytes;
    private long _fullBlocksBytes;

    public StepArena(long initialBytes = 1 << 20)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(initialBytes);
        _blocks.Add(new AlignedBuffer(initialBytes));
    }

    /// <summary>Bytes held from the system.</summary>
    public long CapacityBytes => _fullBlocksBytes + _blocks[^1].Bytes;

    /// <summary>Takes every piece back.</summary>
    public void Reset()
    {
        if (_blocks.Count > 1)
        {
            long bytes = CapacityBytes;
            FreeBlocks();
            _blocks.Add(new AlignedBuffer(bytes));
        }
        _usedBytes = 0;
    }

    /// <summary><paramref name="count"/> floats of undefined content.</summary>
    public Span<float> Floats(int count) => Of<float>(count);

    /// <summary>A matrix of undefined content whose rows begin on cache lines.</summary>
    public Matrix Matrix(int rows, int columns)
    {
        int rowFloats = (columns + 15) / 16 * 16;
        return new Matrix(FloatPointer((long)rows * rowFloats), rows, columns, rowFloats);
    }

    /// <summary><paramref name="count"/> ints of undefined content.</summary>
    public Span<int> Ints(int count) => Of<int>(count);

    /// <summary><paramref name="count"/> elements of undefined content.</summary>
    public Span<T> Of<T>(int count) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return new Span<T>(Take((long)count * sizeof(T)), count);
    }

    /// <summary>A piece for inner loops, in floats; more than a span can hold if need be.</summary>
    public float* FloatPointer(long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return (float*)Take(checked(count * sizeof(float)));
    }

    public void Dispose() => FreeBlocks();

    private byte* Take(long bytes)
    {
        long rounded = checked(bytes + AlignedBuffer.AlignmentBytes - 1) / AlignedBuffer.AlignmentBytes * AlignedBuffer.AlignmentBytes;
        ObjectDisposedException.ThrowIf(_blocks.Count == 0, this);
        AlignedBuffer last = _blocks[^1];
        if (rounded > last.Bytes - _usedBytes)
        {
            _fullBlocksBytes += last.Bytes;
            last = new AlignedBuffer(Math.Max(rounded, last.Bytes));
            _blocks.Add(last);
            _usedBytes = 0;
        }
        byte* piece = last.Pointer + _usedBytes;
        _usedBytes += rounded;
        return piece;
    }

    private void FreeBlocks()
    {
        foreach (AlignedBuffer block in _blocks) block.Dispose();
        _blocks.Clear();
        _fullBlocksBytes = 0;
    }
}
