using Coppice.Kernels;
using Coppice.Kernels.Emitted;

namespace Coppice.Tests.Kernels.Emitted;

public sealed unsafe class MatrixUnitTests
{
    private const int Steps = 3, Columns = 64, MaxRows = 83;

    [MatrixFact]
    public void Any_number_of_rows_continues_any_sums_as_the_reference_does()
    {
        ushort[] a = new ushort[96 * Steps * 32], b = new ushort[Steps * 32 * Columns];
        float[] from = Levels.Random(MaxRows * 70, 3), c = new float[MaxRows * 66];
        fixed (ushort* pa = a, pb = b)
        fixed (float* pf = from, pc = c)
        {
            EmittedTile.Fill(DotFormat.BF16, (uint*)pa, a.Length / 2, 1);
            EmittedTile.Fill(DotFormat.BF16, (uint*)pb, b.Length / 2, 2);
            for (int rows = 1; rows <= MaxRows; rows++)
                foreach (bool add in new[] { false, true })
                {
                    Array.Fill(c, float.NaN);
                    Bf16Matrix.Instance!.Run((byte*)pa, Steps * Bf16Matrix.TileBytes, rows, (byte*)pb, Steps, (byte*)pb, add ? pf : null, 70, pc, 66);
                    for (int r = 0; r < rows; r++)
                        for (int j = 0; j < Columns; j++)
                            Assert.Equal(Bits(Expected(a, b, r, j, add ? from[r * 70 + j] : 0f)), Bits(c[r * 66 + j]));
                    Assert.All(c[(rows * 66)..], value => Assert.True(float.IsNaN(value)));
                }
        }
    }

    [MatrixFact]
    public void Numbers_below_the_normal_range_count_as_zeros_of_their_sign()
    {
        (ushort A, ushort B, float C)[] cases = [(0x0001, 0x3F80, 0f), (0x8001, 0x3F80, -0f), (0x0080, 0x3F00, 0f), (0, 0, 1e-40f), (0, 0, -1e-40f), (0x0080, 0x3F80, BitConverter.UInt32BitsToSingle(0x00400000)), (0x0100, 0xBF00, 1.2e-38f)];
        foreach ((ushort caseA, ushort caseB, float caseC) in cases)
        {
            ushort[] a = new ushort[32], b = new ushort[32 * Columns], column = new ushort[32];
            a[0] = caseA;
            column[0] = caseB;
            for (int j = 0; j < Columns; j++) b[j * 2] = caseB;
            float[] c = new float[Columns];
            Array.Fill(c, caseC);
            fixed (ushort* pa = a, pb = b)
            fixed (float* pc = c) Bf16Matrix.Instance!.Run((byte*)pa, 0, 1, (byte*)pb, 1, (byte*)pb, pc, Columns, pc, Columns);
            foreach (float value in c) Assert.Equal(Bits(Bf16Matrix.Reference(a, column, caseC)), Bits(value));
        }
    }

    [MatrixFact]
    public void Tiles_keep_their_numbers_while_the_garbage_collector_stops_every_thread()
    {
        // A thread from before the first use of the unit or after it makes no difference, and neither does being stopped in the middle.
        using var stop = new CancellationTokenSource();
        var start = new ManualResetEventSlim();
        int wrong = 0, done = 0;
        Thread[] early = Workers(), late;
        Assert.NotNull(Bf16Matrix.Instance);
        late = Workers();
        foreach (Thread thread in early.Concat(late)) thread.Start();
        start.Set();
        for (int i = 0; i < 150; i++)
        {
            for (int j = 0; j < 100; j++) GC.KeepAlive(new byte[10_000]);
            GC.Collect(i % 3, GCCollectionMode.Forced, blocking: true);
        }
        stop.Cancel();
        foreach (Thread thread in early.Concat(late)) thread.Join();
        Assert.Equal(0, wrong);
        Assert.True(done > 100, $"Only {done} products ran.");

        Thread[] Workers() => [.. Enumerable.Range(0, 2).Select(_ => new Thread(Work, 256 * 1024) { IsBackground = true })];

        void Work()
        {
            const int steps = 200;
            ushort[] a = new ushort[32 * steps * 32], b = new ushort[steps * 32 * Columns];
            float[] first = new float[32 * Columns], again = new float[32 * Columns];
            start.Wait();
            fixed (ushort* pa = a, pb = b)
            fixed (float* pf = first, pg = again)
            {
                EmittedTile.Fill(DotFormat.BF16, (uint*)pa, a.Length / 2, 1);
                EmittedTile.Fill(DotFormat.BF16, (uint*)pb, b.Length / 2, 2);
                Bf16Matrix.Instance!.Run((byte*)pa, steps * Bf16Matrix.TileBytes, 32, (byte*)pb, steps, (byte*)pb, null, 0, pf, Columns);
                while (!stop.IsCancellationRequested)
                {
                    Bf16Matrix.Instance.Run((byte*)pa, steps * Bf16Matrix.TileBytes, 32, (byte*)pb, steps, (byte*)pb, null, 0, pg, Columns);
                    if (!first.AsSpan().SequenceEqual(again)) Interlocked.Increment(ref wrong);
                    Interlocked.Increment(ref done);
                }
            }
        }
    }

    [Fact]
    public void Where_the_unit_may_not_be_used_it_says_why()
    {
        if (Isa.Unforced && Isa.HasMatrixBf16) return;
        Assert.NotNull(MatrixUnit.WhyNot);
        Assert.Null(Bf16Matrix.Instance);
        Assert.Contains(MatrixUnit.WhyNot, Bf16Matrix.Note, StringComparison.Ordinal);
    }

    private static float Expected(ushort[] a, ushort[] b, int r, int j, float c)
    {
        ushort[] row = new ushort[Steps * 32], column = new ushort[Steps * 32];
        for (int k = 0; k < row.Length; k++)
        {
            row[k] = a[((r / 16 * Steps + k / 32) * 16 + r % 16) * 32 + k % 32];
            column[k] = b[(k / 2 * Columns + j) * 2 + k % 2];
        }
        return Bf16Matrix.Reference(row, column, c);
    }

    private static uint Bits(float x) => BitConverter.SingleToUInt32Bits(x);
}
