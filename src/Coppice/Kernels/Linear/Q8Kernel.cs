using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Coppice.Kernels.Emitted;

namespace Coppice.Kernels;

/// <summary>Products of bytes with a scale for each block: up to 16 rows of activations by blocks of a panel. All kernels of a layout give the same bits.</summary>
internal abstract unsafe class Q8Kernel(Q8Layout layout)
{
    /// <summary>Everything that runs here at the level in force, best first, for blocks of 32.</summary>
    public static IReadOnlyList<Q8Kernel> All { get; } = Find(Q8Layout.Blocks32);

    /// <summary>As <see cref="All"/>, for blocks of 16.</summary>
    public static IReadOnlyList<Q8Kernel> AllOf16 { get; } = Find(Q8Layout.Blocks16);

    public static Q8Kernel Best => All[0];

    public Q8Layout Layout => layout;

    public static IReadOnlyList<Q8Kernel> AllOf(Q8Layout layout) => layout.BlockInputs == 16 ? AllOf16 : All;

    /// <summary>0: weights are signed bytes. 128: they are kept as unsigned ones, 128 larger.</summary>
    public virtual int WeightBias => 0;

    /// <summary>A line for people: the instruction that does it.</summary>
    public abstract string Name { get; }

    /// <param name="a">Records of the first row tile, <see cref="Q8Activations"/>.</param>
    /// <param name="tileBytes">From a row tile's records to those of the next.</param>
    /// <param name="rows">At least 1.</param>
    /// <param name="b">Blocks of a panel.</param>
    /// <param name="blocks">At least 1.</param>
    /// <param name="c">[rows][64], rows <paramref name="cRowFloats"/> apart.</param>
    /// <param name="cRowFloats">At least 64.</param>
    /// <param name="add">The sums go on from what c holds; else they begin at zero.</param>
    /// <param name="prefetch">What comes next, any address.</param>
    /// <param name="prefetchBytes">How much of it this call should fetch.</param>
    public virtual void Multiply(byte* a, nint tileBytes, int rows, byte* b, int blocks, float* c, nint cRowFloats, bool add, byte* prefetch, int prefetchBytes)
    {
        int share = prefetchBytes / Tiles(rows);
        for (int r = 0; r < rows; r += Q8Activations.TileRows, a += tileBytes, prefetch += share)
            MultiplyTile(a, Math.Min(Q8Activations.TileRows, rows - r), b, blocks, c + r * cRowFloats, cRowFloats, add, prefetch, share);
    }

    /// <summary>As <see cref="Multiply"/>, of one row tile: 1 to 16 rows.</summary>
    protected abstract void MultiplyTile(byte* a, int rows, byte* b, int blocks, float* c, nint cRowFloats, bool add, byte* prefetch, int prefetchBytes);

    /// <summary>Row tiles that hold so many rows.</summary>
    public static int Tiles(int rows) => (rows + Q8Activations.TileRows - 1) / Q8Activations.TileRows;

    /// <summary>Up to so many rows the kernel reads every block once.</summary>
    public virtual int StreamRows => Q8Activations.TileRows;

    private static List<Q8Kernel> Find(Q8Layout layout)
    {
        var kernels = new List<Q8Kernel>();
        // A block of 16 is a quarter of a tile: vectors are faster at any number of rows.
        if (layout == Q8Layout.Blocks32 && Q8Matrix.Instance is { } matrix) kernels.Add(matrix);
        if (Q8Vnni.Of(layout) is { } vnni) kernels.Add(vnni);
        if (Isa.Width >= 256 && AvxVnni.IsSupported) kernels.Add(new Q8Vectors<Vnni256, Vector256<int>>(layout, "vpdpbusd, 256 bits", bias: 128));
        if (Isa.Width >= 256 && Avx2.IsSupported) kernels.Add(new Q8Vectors<Avx256, Vector256<int>>(layout, "vpmaddubsw, 256 bits", bias: 0));
        if (Isa.Width >= 128 && Ssse3.IsSupported) kernels.Add(new Q8Vectors<Sse128, Vector128<int>>(layout, "pmaddubsw, 128 bits", bias: 0));
        if (Isa.Width >= 128 && Dp.IsSupported) kernels.Add(new Q8Vectors<Arm128, Vector128<int>>(layout, "sdot, 128 bits", bias: 0));
        var definition = new Q8Scalar(layout);
        kernels.RemoveAll(kernel => !kernel.AgreesWith(definition));
        kernels.Add(definition);
        return kernels;
    }

    /// <summary>A small product, compared bit by bit: code that was emitted, or an instruction that does otherwise, must not go unseen.</summary>
    private bool AgreesWith(Q8Kernel definition)
    {
        const int rows = 5, blocks = 5, floats = rows * LinearWeights.PanelOutputs;
        int inputs = blocks * Layout.BlockInputs, blockBytes = Layout.WeightBlockBytes;
        byte* a = stackalloc byte[blocks * Layout.RecordBytes], b = stackalloc byte[blocks * blockBytes], biased = stackalloc byte[blocks * blockBytes];
        float* x = stackalloc float[rows * inputs], expected = stackalloc float[floats], actual = stackalloc float[floats];
        EmittedTile.Fill(DotFormat.F32, (uint*)x, rows * inputs, 1);
        Q8Activations.Fill(x, rows, inputs, inputs, Layout, a);
        EmittedTile.Fill(DotFormat.F32, (uint*)b, blocks * blockBytes / sizeof(uint), 2);
        for (int i = 0; i < blocks * blockBytes; i++)
        {
            bool isScale = i % blockBytes >= Layout.WeightScalesAt;
            biased[i] = (byte)(isScale ? b[i] : b[i] + WeightBias);
        }
        definition.MultiplyTile(a, rows, b, blocks, expected, LinearWeights.PanelOutputs, add: false, null, 0);
        MultiplyTile(a, rows, biased, blocks, actual, LinearWeights.PanelOutputs, add: false, null, 0);
        return new ReadOnlySpan<uint>(expected, floats).SequenceEqual(new ReadOnlySpan<uint>(actual, floats));
    }

    private sealed class Q8Scalar(Q8Layout layout) : Q8Kernel(layout)
    {
        public override string Name => "scalar";

        protected override void MultiplyTile(byte* a, int rows, byte* b, int blocks, float* c, nint cRowFloats, bool add, byte* prefetch, int prefetchBytes)
        {
            for (int r = 0; r < rows; r++)
            {
                for (int j = 0; j < LinearWeights.PanelOutputs; j++)
                {
                    float sum = add ? c[r * cRowFloats + j] : 0f;
                    for (int block = 0; block < blocks; block++)
                    {
                        byte* record = a + block * Layout.RecordBytes, weights = b + block * Layout.WeightBlockBytes;
                        int dot = 0;
                        for (int i = 0; i < Layout.BlockInputs; i++) dot += ((sbyte*)record)[r * Layout.BlockInputs + i] * (sbyte)weights[i / 4 * Q8Layout.QuadBytes + j * 4 + i % 4];
                        sum = MathF.FusedMultiplyAdd(dot, ((float*)(weights + Layout.WeightScalesAt))[j] * ((float*)(record + Layout.ScalesAt))[r], sum);
                    }
                    c[r * cRowFloats + j] = sum;
                }
            }
        }
    }
}

/// <summary>The operations of a kernel in managed vectors of 32-bit lanes, each lane one output and four of its inputs.</summary>
internal unsafe interface IQ8Vector<V>
{
    static abstract int Lanes { get; }

    static abstract V Broadcast(int x);

    static abstract V Load(byte* weights);

    /// <summary>sum + the four products of a lane, exactly.</summary>
    static abstract V Dot(V sum, V weights, V activations);

    /// <summary>c = fma(sum, weightScales · activationScale, c), or with zero for c.</summary>
    static abstract void Scale(V sum, float* weightScales, float activationScale, float* c, bool fromZero);
}

/// <summary>Four rows by two vectors at a time; the sums of a block in registers, those of the row in c.</summary>
internal sealed unsafe class Q8Vectors<TVector, V>(Q8Layout layout, string name, int bias) : Q8Kernel(layout) where TVector : struct, IQ8Vector<V> where V : struct
{
    public override int WeightBias => bias;

    public override string Name => name;

    protected override void MultiplyTile(byte* a, int rows, byte* b, int blocks, float* c, nint cRowFloats, bool add, byte* prefetch, int prefetchBytes)
    {
        for (int block = 0; block < blocks; block++, a += Layout.RecordBytes, b += Layout.WeightBlockBytes)
        {
            int r = 0;
            for (; r <= rows - 4; r += 4) FourRows(a, r, b, c + r * cRowFloats, cRowFloats, !add && block == 0);
            for (; r < rows; r++) OneRow(a, r, b, c + r * cRowFloats, !add && block == 0);
        }
    }

    private void FourRows(byte* a, int row, byte* b, float* c, nint cRowFloats, bool fromZero)
    {
        int quads = Layout.Quads;
        int* bytes = (int*)(a + row * Layout.BlockInputs), starts = (int*)(a + Layout.CorrectionsAt) + row;
        float* scales = (float*)(a + Layout.ScalesAt) + row, weightScales = (float*)(b + Layout.WeightScalesAt);
        for (int j = 0; j < LinearWeights.PanelOutputs; j += 2 * TVector.Lanes)
        {
            V s00 = Start(starts, 0), s01 = s00, s10 = Start(starts, 1), s11 = s10, s20 = Start(starts, 2), s21 = s20, s30 = Start(starts, 3), s31 = s30;
            byte* at = b + j * 4;
            for (int quad = 0; quad < quads; quad++, at += Q8Layout.QuadBytes)
            {
                V w0 = TVector.Load(at), w1 = TVector.Load(at + TVector.Lanes * 4);
                V x = TVector.Broadcast(bytes[quad]);
                s00 = TVector.Dot(s00, w0, x);
                s01 = TVector.Dot(s01, w1, x);
                x = TVector.Broadcast(bytes[quad + quads]);
                s10 = TVector.Dot(s10, w0, x);
                s11 = TVector.Dot(s11, w1, x);
                x = TVector.Broadcast(bytes[quad + 2 * quads]);
                s20 = TVector.Dot(s20, w0, x);
                s21 = TVector.Dot(s21, w1, x);
                x = TVector.Broadcast(bytes[quad + 3 * quads]);
                s30 = TVector.Dot(s30, w0, x);
                s31 = TVector.Dot(s31, w1, x);
            }
            float* ws = weightScales + j, to = c + j;
            TVector.Scale(s00, ws, scales[0], to, fromZero);
            TVector.Scale(s01, ws + TVector.Lanes, scales[0], to + TVector.Lanes, fromZero);
            TVector.Scale(s10, ws, scales[1], to + cRowFloats, fromZero);
            TVector.Scale(s11, ws + TVector.Lanes, scales[1], to + cRowFloats + TVector.Lanes, fromZero);
            TVector.Scale(s20, ws, scales[2], to + 2 * cRowFloats, fromZero);
            TVector.Scale(s21, ws + TVector.Lanes, scales[2], to + 2 * cRowFloats + TVector.Lanes, fromZero);
            TVector.Scale(s30, ws, scales[3], to + 3 * cRowFloats, fromZero);
            TVector.Scale(s31, ws + TVector.Lanes, scales[3], to + 3 * cRowFloats + TVector.Lanes, fromZero);
        }
    }

    private void OneRow(byte* a, int row, byte* b, float* c, bool fromZero)
    {
        int* bytes = (int*)(a + row * Layout.BlockInputs), starts = (int*)(a + Layout.CorrectionsAt) + row;
        float scale = ((float*)(a + Layout.ScalesAt))[row];
        for (int j = 0; j < LinearWeights.PanelOutputs; j += TVector.Lanes)
        {
            V sum = Start(starts, 0);
            for (int quad = 0; quad < Layout.Quads; quad++)
                sum = TVector.Dot(sum, TVector.Load(b + quad * Q8Layout.QuadBytes + j * 4), TVector.Broadcast(bytes[quad]));
            TVector.Scale(sum, (float*)(b + Layout.WeightScalesAt) + j, scale, c + j, fromZero);
        }
    }

    private V Start(int* corrections, int row) => TVector.Broadcast(bias == 0 ? 0 : corrections[row]);
}
