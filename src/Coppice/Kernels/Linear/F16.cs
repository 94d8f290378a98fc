using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Coppice.Backends;

namespace Coppice.Kernels;

/// <summary>IEEE halves in memory, f32 in arithmetic: the bits of <see cref="F32"/> on the same numbers.</summary>
internal sealed unsafe class F16 : LinearWeights
{
    public F16(WorkerPool pool, StackedTensors stacked) : base(stacked, HalfPairs<Half>.PanelBytes(stacked.Inputs)) =>
        Pack(pool, stacked, default(HalfPairs<Half>.Packing));

    public override void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats) =>
        HalfPairs<Half>.Multiply(x, rows, xRowFloats, this, pool, scratch, y, yRowFloats);

    internal readonly struct Half : IHalf
    {
        // Exponent and mantissa moved to a float's place read as a number 2^112 too small (the biases are 127 and 15); the product is
        // exact, for numbers below the normal range too. What was infinite or not a number gets a float's largest exponent.
        private const float Scale = 5192296858534827628530496329220096f; // 2^112
        private const uint Magnitude = 0x7FFFu << 13, Sign = 0x80000000, Infinity = 0x7C00u << 13, FloatInfinity = 0x7F800000;

        public static ushort Round(float x) => BitConverter.HalfToUInt16Bits((System.Half)x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector512<float> First, Vector512<float> Second) Widen(Vector512<uint> pairs) => (One(pairs << 16), One(pairs));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector128<float> First, Vector128<float> Second) Widen(Vector128<uint> pairs) => (One(pairs << 16), One(pairs));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<float> One(Vector512<uint> upperHalf)
        {
            Vector512<uint> magnitude = (upperHalf >>> 3) & Vector512.Create(Magnitude);
            Vector512<uint> finite = (magnitude.AsSingle() * Vector512.Create(Scale)).AsUInt32();
            Vector512<uint> bits = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(magnitude.AsInt32(), Vector512.Create((int)Infinity)).AsUInt32(), magnitude | Vector512.Create(FloatInfinity), finite);
            return (bits | (upperHalf & Vector512.Create(Sign))).AsSingle();
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<float> One(Vector128<uint> upperHalf)
        {
            Vector128<uint> magnitude = (upperHalf >>> 3) & Vector128.Create(Magnitude);
            Vector128<uint> finite = (magnitude.AsSingle() * Vector128.Create(Scale)).AsUInt32();
            Vector128<uint> bits = Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(magnitude.AsInt32(), Vector128.Create((int)Infinity)).AsUInt32(), magnitude | Vector128.Create(FloatInfinity), finite);
            return (bits | (upperHalf & Vector128.Create(Sign))).AsSingle();
        }
    }
}
