using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Coppice.Memory;

namespace Coppice.Tests.Memory;

public sealed unsafe class StepArenaTests
{
    [Fact]
    public void Pieces_are_aligned_and_do_not_overlap()
    {
        using var arena = new StepArena(1024);
        var random = new Random(1);
        for (int step = 0; step < 5; step++)
        {
            var pieces = new List<(nint At, int Count)>();
            for (int i = 0; i < 50; i++)
            {
                Span<float> piece = arena.Floats(random.Next(0, 200));
                nint at = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(piece));
                Assert.Equal(0, at % AlignedBuffer.AlignmentBytes);
                piece.Fill(i);
                pieces.Add((at, piece.Length));
            }
            for (int i = 0; i < pieces.Count; i++) Assert.Equal(-1, new ReadOnlySpan<float>((void*)pieces[i].At, pieces[i].Count).IndexOfAnyExcept(i));
            arena.Reset();
        }
    }

    [Fact]
    public void A_step_of_a_size_seen_before_allocates_nothing()
    {
        using var arena = new StepArena(256);
        Step(arena);
        Step(arena);
        long capacity = arena.CapacityBytes, before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) Step(arena);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(capacity, arena.CapacityBytes);

        static void Step(StepArena arena)
        {
            arena.Reset();
            for (int i = 0; i < 20; i++) arena.Floats(100);
            arena.Ints(7);
            arena.FloatPointer(1000);
        }
    }

    [Fact]
    public void Misuse_is_refused()
    {
        var arena = new StepArena(256);
        Assert.Throws<ArgumentOutOfRangeException>(() => { arena.Floats(-1); });
        arena.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { arena.Floats(1); });
        var buffer = new AlignedBuffer(100);
        Assert.Equal(-1, new ReadOnlySpan<byte>(buffer.Pointer, 100).IndexOfAnyExcept((byte)0));
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { _ = buffer.Pointer; });
    }
}
