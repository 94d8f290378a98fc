using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Coppice.Backends;
using Coppice.Loading;

namespace Coppice.Kernels;

/// <summary>IEEE halves in memory, f32 in arithmetic: the bits of <see cref="F32"/> on the same numbers.</summary>
internal sealed unsafe class F16 : LinearWeights
{
    private readonly bool _finite;

    public F16(WorkerPool pool, StackedTensors stacked) : base(stacked, HalfPairs<Half>.PanelBytes(stacked.Inputs))
    {
        if (stacked.Type == WeightType.F16) PackBytes(pool, stacked, default(HalfPairs<Half>.FilePacking));
        else Pack(pool, stacked, default(HalfPairs<Half>.Packing));
        _finite = AllFinite();
    }

    public override void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats)
    {
        if (_finite) HalfPairs<FiniteHalf>.Multiply(x, rows, xRowFloats, this, pool, scratch, y, yRowFloats);
        else HalfPairs<Half>.Multiply(x, rows, xRowFloats, this, pool, scratch, y, yRowFloats);
    }

    private bool AllFinite()
    {
        for (int panel = 0; panel < Panels; panel++)
        {
            var halves = new ReadOnlySpan<uint>(Panel(panel), HalfPairs<Half>.PaddedInputs(Inputs) / 2 * PanelOutputs);
            Vector128<uint> exponent = Vector128.Create(0x7C007C00u), hit = Vector128<uint>.Zero;
            for (int i = 0; i < halves.Length; i += 4)
                hit |= Vector128.Equals((Vector128.LoadUnsafe(in halves[i]) & exponent).AsUInt16(), exponent.AsUInt16()).AsUInt32();
            if (hit != Vector128<uint>.Zero) return false;
        }
        return true;
    }

    /// <summary>Halves of which none is infinite or not a number: fewer operations.</summary>
    internal readonly struct FiniteHalf : IHalf
    {
        // An arithmetic shift by 3 puts exponent and mantissa where a float has them and leaves the sign in place.
        private const uint Places = 0x8FFFE000;
        private const float Scale = 5192296858534827628530496329220096f; // 2^112, the difference of the exponents' biases

        public static ushort Round(float x) => Half.Round(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector512<float> First, Vector512<float> Second) Widen(Vector512<uint> pairs) => (One((pairs << 16).AsInt32()), One(pairs.AsInt32()));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static (Vector128<float> First, Vector128<float> Second) Widen(Vector128<uint> pairs) => (One((pairs << 16).AsInt32()), One(pairs.AsInt32()));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<float> One(Vector512<int> upper) => ((upper >> 3).AsUInt32() & Vector512.Create(Places)).AsSingle() * Vector512.Create(Scale);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<float> One(Vector128<int> upper) => ((upper >> 3).AsUInt32() & Vector128.Create(Places)).AsSingle() * Vector128.Create(Scale);
    }

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
