using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Coppice.Backends;
using Coppice.KvCache;
using Coppice.Loading;

namespace Coppice.Kernels;

/// <summary>bfloat16 in memory, f32 in arithmetic: the bits of <see cref="F32"/> on the same numbers, for half the bytes.</summary>
internal sealed unsafe class BF16 : LinearWeights
{
    public BF16(WorkerPool pool, StackedTensors stacked) : base(stacked, HalfPairs<Half>.PanelBytes(stacked.Inputs))
    {
        if (stacked.Type == WeightType.BF16) PackBytes(pool, stacked, default(HalfPairs<Half>.FilePacking));
        else Pack(pool, stacked, default(HalfPairs<Half>.Packing));
    }

    public override void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats) =>
        HalfPairs<Half>.Multiply(x, rows, xRowFloats, this, pool, scratch, y, yRowFloats);

    internal readonly struct Half : IHalf
    {
        public static ushort Round(float x) => Bf16.Round(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector512<float> First, Vector512<float> Second) Widen(Vector512<uint> pairs) =>
            ((pairs << 16).AsSingle(), (pairs & Vector512.Create(0xFFFF0000u)).AsSingle());

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector128<float> First, Vector128<float> Second) Widen(Vector128<uint> pairs) =>
            ((pairs << 16).AsSingle(), (pairs & Vector128.Create(0xFFFF0000u)).AsSingle());
    }
}
