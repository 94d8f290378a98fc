using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels;

/// <summary>A vector of bytes of some width. Shifts are of 32-bit lanes: what comes over from a neighbour must be masked.</summary>
internal unsafe interface IByteLanes<V> where V : struct, IByteLanes<V>
{
    static abstract int Count { get; }

    static abstract V Load(byte* from);

    static abstract V Fill(byte value);

    /// <summary>16 bytes, again and again.</summary>
    static abstract V Repeat(Vector128<byte> table);

    void Store(byte* to);

    V Left(int bits);

    V Right(int bits);

    V And(V other);

    V Or(V other);

    V Add(V other);

    /// <summary>table[index], index below 16; the table is of <see cref="Repeat"/>.</summary>
    V LookUp(V table);

    /// <summary>16 signed bytes by 16 floats.</summary>
    static abstract void Scale(byte* integers, float* floats, float* to);
}

/// <summary>512 bits.</summary>
internal readonly unsafe struct B512(Vector512<byte> v) : IByteLanes<B512>
{
    private readonly Vector512<byte> _v = v;

    public static int Count => 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static B512 Load(byte* from) => new(Vector512.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static B512 Fill(byte value) => new(Vector512.Create(value));

    public static B512 Repeat(Vector128<byte> table) => new(Vector512.Create(Vector256.Create(table, table), Vector256.Create(table, table)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(byte* to) => _v.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B512 Left(int bits) => new((_v.AsUInt32() << bits).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B512 Right(int bits) => new((_v.AsUInt32() >>> bits).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B512 And(B512 other) => new(_v & other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B512 Or(B512 other) => new(_v | other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B512 Add(B512 other) => new(_v + other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B512 LookUp(B512 table) => new(Avx512BW.IsSupported ? Avx512BW.Shuffle(table._v, _v) : Vector512.Shuffle(table._v, _v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(byte* integers, float* floats, float* to)
    {
        if (Avx512F.IsSupported) (Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)integers))) * Vector512.Load(floats)).Store(to);
        else B128.Scale(integers, floats, to);
    }
}

/// <summary>256 bits.</summary>
internal readonly unsafe struct B256(Vector256<byte> v) : IByteLanes<B256>
{
    private readonly Vector256<byte> _v = v;

    public static int Count => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static B256 Load(byte* from) => new(Vector256.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static B256 Fill(byte value) => new(Vector256.Create(value));

    public static B256 Repeat(Vector128<byte> table) => new(Vector256.Create(table, table));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(byte* to) => _v.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B256 Left(int bits) => new((_v.AsUInt32() << bits).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B256 Right(int bits) => new((_v.AsUInt32() >>> bits).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B256 And(B256 other) => new(_v & other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B256 Or(B256 other) => new(_v | other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B256 Add(B256 other) => new(_v + other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B256 LookUp(B256 table) => new(Avx2.IsSupported ? Avx2.Shuffle(table._v, _v) : Vector256.Shuffle(table._v, _v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(byte* integers, float* floats, float* to)
    {
        if (!Avx2.IsSupported)
        {
            B128.Scale(integers, floats, to);
            return;
        }
        (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32((sbyte*)integers)) * Vector256.Load(floats)).Store(to);
        (Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32((sbyte*)integers + 8)) * Vector256.Load(floats + 8)).Store(to + 8);
    }
}

/// <summary>128 bits, on any processor.</summary>
internal readonly unsafe struct B128(Vector128<byte> v) : IByteLanes<B128>
{
    private readonly Vector128<byte> _v = v;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static B128 Load(byte* from) => new(Vector128.Load(from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static B128 Fill(byte value) => new(Vector128.Create(value));

    public static B128 Repeat(Vector128<byte> table) => new(table);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(byte* to) => _v.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B128 Left(int bits) => new((_v.AsUInt32() << bits).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B128 Right(int bits) => new((_v.AsUInt32() >>> bits).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B128 And(B128 other) => new(_v & other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B128 Or(B128 other) => new(_v | other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B128 Add(B128 other) => new(_v + other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public B128 LookUp(B128 table) => new(Vector128.Shuffle(table._v, _v));

    public static void Scale(byte* integers, float* floats, float* to)
    {
        (Vector128<short> lower, Vector128<short> upper) = Vector128.Widen(Vector128.Load((sbyte*)integers));
        (Vector128<int> first, Vector128<int> second) = Vector128.Widen(lower);
        (Vector128<int> third, Vector128<int> fourth) = Vector128.Widen(upper);
        (Vector128.ConvertToSingle(first) * Vector128.Load(floats)).Store(to);
        (Vector128.ConvertToSingle(second) * Vector128.Load(floats + 4)).Store(to + 4);
        (Vector128.ConvertToSingle(third) * Vector128.Load(floats + 8)).Store(to + 8);
        (Vector128.ConvertToSingle(fourth) * Vector128.Load(floats + 12)).Store(to + 12);
    }
}
