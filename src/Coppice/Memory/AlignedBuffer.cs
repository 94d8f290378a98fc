using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Coppice.Memory;

/// <summary>
/// Native memory with one owner: 64-byte aligned, zeroed, outside the garbage collector's heap, freed by Dispose or else by the finaliser.
/// Whoever computes with <see cref="Pointer"/> must hold on to the buffer meanwhile (GC.KeepAlive).
/// </summary>
internal sealed unsafe class AlignedBuffer : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>One cache line, and one 512-bit vector.</summary>
    public const int AlignmentBytes = 64;

    // From here on buffers begin on a 2 MiB boundary, so that the system can back them with large pages.
    private const nuint LargeBytes = 4 << 20, LargeAlignmentBytes = 2 << 20;

    /// <exception cref="OutOfMemoryException">The system has not that much.</exception>
    public AlignedBuffer(long bytes) : base(ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        nuint rounded = checked((nuint)((Math.Max(bytes, 1) + AlignmentBytes - 1) / AlignmentBytes * AlignmentBytes));
        void* memory = NativeMemory.AlignedAlloc(rounded, rounded >= LargeBytes ? LargeAlignmentBytes : AlignmentBytes);
        SetHandle((nint)memory);
        NativeMemory.Clear(memory, rounded);
        Bytes = bytes;
    }

    public long Bytes { get; }

    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (byte*)handle;
        }
    }

    /// <summary>The same memory as floats.</summary>
    public float* Floats => (float*)Pointer;

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
