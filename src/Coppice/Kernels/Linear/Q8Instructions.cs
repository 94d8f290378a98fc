using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels;

/// <summary>AVX-VNNI: unsigned weights by signed activations.</summary>
internal readonly unsafe struct Vnni256 : IQ8Vector<Vector256<int>>
{
    public static int Lanes => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Broadcast(int x) => Vector256.Create(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(byte* weights) => Vector256.Load((int*)weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Dot(Vector256<int> sum, Vector256<int> weights, Vector256<int> activations) =>
        AvxVnni.MultiplyWideningAndAdd(sum, weights.AsByte(), activations.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector256<int> sum, float* weightScales, float activationScale, float* c, bool fromZero)
    {
        Vector256<float> scale = Vector256.Load(weightScales) * Vector256.Create(activationScale), start = fromZero ? Vector256<float>.Zero : Vector256.Load(c);
        Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(sum), scale, start).Store(c);
    }
}

/// <summary>AVX2: |w| by a with w's sign; the pairs of products stay below 2^15, since no activation is -128.</summary>
internal readonly unsafe struct Avx256 : IQ8Vector<Vector256<int>>
{
    public static int Lanes => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Broadcast(int x) => Vector256.Create(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(byte* weights) => Vector256.Load((int*)weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Dot(Vector256<int> sum, Vector256<int> weights, Vector256<int> activations)
    {
        Vector256<short> pairs = Avx2.MultiplyAddAdjacent(Avx2.Abs(weights.AsSByte()), Avx2.Sign(activations.AsSByte(), weights.AsSByte()));
        return sum + Avx2.MultiplyAddAdjacent(pairs, Vector256<short>.One);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector256<int> sum, float* weightScales, float activationScale, float* c, bool fromZero) =>
        Vnni256.Scale(sum, weightScales, activationScale, c, fromZero);
}

/// <summary>SSSE3, as <see cref="Avx256"/>.</summary>
internal readonly unsafe struct Sse128 : IQ8Vector<Vector128<int>>
{
    public static int Lanes => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Broadcast(int x) => Vector128.Create(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Load(byte* weights) => Vector128.Load((int*)weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Dot(Vector128<int> sum, Vector128<int> weights, Vector128<int> activations)
    {
        Vector128<short> pairs = Ssse3.MultiplyAddAdjacent(Ssse3.Abs(weights.AsSByte()), Ssse3.Sign(activations.AsSByte(), weights.AsSByte()));
        return sum + Sse2.MultiplyAddAdjacent(pairs, Vector128<short>.One);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector128<int> sum, float* weightScales, float activationScale, float* c, bool fromZero)
    {
        Vector128<float> scale = Vector128.Load(weightScales) * Vector128.Create(activationScale), start = fromZero ? Vector128<float>.Zero : Vector128.Load(c);
        Vector128.FusedMultiplyAdd(Vector128.ConvertToSingle(sum), scale, start).Store(c);
    }
}

/// <summary>The dot product of ARMv8.2: signed by signed.</summary>
internal readonly unsafe struct Arm128 : IQ8Vector<Vector128<int>>
{
    public static int Lanes => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Broadcast(int x) => Vector128.Create(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Load(byte* weights) => Vector128.Load((int*)weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Dot(Vector128<int> sum, Vector128<int> weights, Vector128<int> activations) =>
        Dp.DotProduct(sum, weights.AsSByte(), activations.AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector128<int> sum, float* weightScales, float activationScale, float* c, bool fromZero) =>
        Sse128.Scale(sum, weightScales, activationScale, c, fromZero);
}
