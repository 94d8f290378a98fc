using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Loading;

/// <summary>
/// A format of ggml that keeps numbers as small integers in blocks: w = (d · scale) · q - (dMin · min), with d and dMin halves of the block,
/// scale and min integers of a group of 16 or 32 numbers, and q what a number's few bits stand for. Every product is exact in a float;
/// the difference is rounded once.
/// </summary>
/// <param name="type">Its name.</param>
/// <param name="blockElements">Numbers of a block: 32, or 256.</param>
/// <param name="blockBytes">Bytes of a block.</param>
/// <param name="groupElements">Numbers that share a scale: 16 or 32.</param>
/// <param name="bits">Of one number: 2 to 6, or 8.</param>
internal abstract unsafe class BlockFormat(WeightType type, int blockElements, int blockBytes, int groupElements, int bits)
{
    /// <summary>The largest block of any format.</summary>
    public const int MaxElements = 256;

    /// <summary>One for each format, the fewest bits first.</summary>
    public static IReadOnlyList<BlockFormat> All { get; } =
        [new Q2_K(), new Q3_K(), new IQ4_XS(), new IQ4_NL(), new Q4_0(), new Q4_K(), new Q4_1(), new Q5_0(), new Q5_K(), new Q5_1(), new Q6_K(), new Q8_0Block()];

    private static readonly BlockFormat?[] s_byType = [.. Enum.GetValues<WeightType>().Select(type => All.FirstOrDefault(format => format.Type == type))];

    public WeightType Type => type;

    public int BlockElements => blockElements;

    public int BlockBytes => blockBytes;

    public int GroupElements => groupElements;

    public int Bits => bits;

    /// <summary>Numbers have a smallest value besides their scale.</summary>
    public virtual bool HasMins => false;

    /// <summary>q is the stored integer less this.</summary>
    public virtual int Offset => 0;

    /// <summary>What the 16 integers of four bits stand for; empty: themselves, less <see cref="Offset"/>.</summary>
    public virtual ReadOnlySpan<sbyte> Codebook => [];

    /// <summary>Null: numbers of this type stand for themselves.</summary>
    public static BlockFormat? Of(WeightType type) => s_byType[(int)type];

    /// <summary>Bytes of so many numbers, whole blocks of them, of any type.</summary>
    public static long BytesOf(WeightType type, long elements) =>
        Of(type) is { } format ? elements / format.BlockElements * format.BlockBytes : elements * (type == WeightType.F32 ? sizeof(float) : sizeof(ushort));

    /// <summary>The numbers of whole blocks.</summary>
    /// <param name="blocks">[blocks][bytes of a block].</param>
    /// <param name="numbers">[blocks][elements of a block].</param>
    [SkipLocalsInit]
    public void Read(ReadOnlySpan<byte> blocks, Span<float> numbers)
    {
        BlockParts parts;
        fixed (byte* from = blocks)
        {
            for (int block = 0; block < numbers.Length / blockElements; block++)
            {
                TakeApart(from + (long)block * blockBytes, &parts);
                for (int i = 0; i < blockElements; i++)
                {
                    int group = i / groupElements;
                    float number = parts.Scale(group) * QuantumOf(parts.Q[i]);
                    numbers[block * blockElements + i] = HasMins ? number + parts.Min(group) : number;
                }
            }
        }
    }

    /// <summary>Rounds numbers, whole blocks of finite ones that are within ±65,504.</summary>
    /// <param name="numbers">[blocks][elements of a block].</param>
    /// <param name="blocks">[blocks][bytes of a block].</param>
    public void Write(ReadOnlySpan<float> numbers, Span<byte> blocks)
    {
        blocks.Clear();
        fixed (float* from = numbers)
        fixed (byte* to = blocks)
            for (int block = 0; block < numbers.Length / blockElements; block++) Round(from + (long)block * blockElements, to + (long)block * blockBytes);
    }

    /// <summary>What a stored integer stands for, before scale and min.</summary>
    public int QuantumOf(int stored) => Codebook.Length > 0 ? Codebook[stored] : bits == 8 ? (sbyte)stored : stored - Offset;

    /// <summary>One block of the file.</summary>
    public abstract void TakeApart(byte* block, BlockParts* parts);

    /// <summary>One block of numbers, rounded and written over zeros.</summary>
    protected abstract void Round(float* x, byte* block);
}

/// <summary>A block taken apart.</summary>
internal unsafe struct BlockParts
{
    /// <summary>The integers as they are stored, in the order of the numbers.</summary>
    public fixed byte Q[BlockFormat.MaxElements];

    /// <summary>Of each group; 1 where the format has only <see cref="D"/>.</summary>
    public fixed sbyte Scales[16];

    /// <summary>Of each group, as <see cref="Scales"/>.</summary>
    public fixed byte Mins[16];

    /// <summary>Halves.</summary>
    public ushort D, DMin;

    /// <summary>The group's d · scale.</summary>
    public readonly float Scale(int group) => (float)BitConverter.UInt16BitsToHalf(D) * Scales[group];

    /// <summary>The group's -(dMin · min): what is added.</summary>
    public readonly float Min(int group) => -((float)BitConverter.UInt16BitsToHalf(DMin) * Mins[group]);

    /// <summary>A block without integer scales.</summary>
    public void SetPlain(ushort d, ushort dMin)
    {
        (D, DMin) = (d, dMin);
        Scales[0] = 1;
        Mins[0] = 1;
    }
}

/// <summary>Fields of bits in runs of bytes, 16 at a time.</summary>
internal static unsafe class BitFields
{
    /// <summary>to[i] = (from[i] >> shift) &amp; mask.  count: a multiple of 16.</summary>
    public static void Take(byte* from, int count, int shift, int mask, byte* to)
    {
        for (int i = 0; i < count; i += 16)
            (Vector128.Load(from + i) >>> shift & Vector128.Create((byte)mask)).Store(to + i);
    }

    /// <summary>to[i] |= ((from[i] >> shift) &amp; mask) &lt;&lt; left.  count: a multiple of 16.</summary>
    public static void Or(byte* from, int count, int shift, int mask, int left, byte* to)
    {
        for (int i = 0; i < count; i += 16)
            (Vector128.Load(to + i) | (Vector128.Load(from + i) >>> shift & Vector128.Create((byte)mask)) << left).Store(to + i);
    }

    /// <summary>16 numbers of four bits in the lower halves of 16 bytes, 16 more in the upper ones.</summary>
    public static void TakeNibbles(byte* from, byte* to)
    {
        Take(from, 16, 0, 15, to);
        Take(from, 16, 4, 15, to + 16);
    }

    /// <summary>As <see cref="TakeNibbles"/>, the other way.</summary>
    public static void PutNibbles(byte* from, byte* to)
    {
        Take(from, 16, 0, 15, to);
        Or(from + 16, 16, 0, 15, 4, to);
    }

    public static ushort Half(byte* at) => *(ushort*)at;

    /// <summary>The nearest half, as bits and as the number that it is.</summary>
    public static float PutHalf(float x, byte* at)
    {
        Half half = (Half)x;
        *(ushort*)at = BitConverter.HalfToUInt16Bits(half);
        return (float)half;
    }
}
