namespace Coppice.Loading;

/// <summary>32 numbers in 20 bytes: {half d; half m; 16 bytes as in <see cref="Q4_0"/>}. w = d · q + m.</summary>
internal sealed unsafe class Q4_1() : BlockFormat(WeightType.Q4_1, 32, 20, 32, 4)
{
    public const ushort Sign = 0x8000;

    public override bool HasMins => true;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        parts->SetPlain(BitFields.Half(block), (ushort)(BitFields.Half(block + 2) ^ Sign));
        BitFields.TakeNibbles(block + 4, parts->Q);
    }

    protected override void Round(float* x, byte* block)
    {
        byte* q = stackalloc byte[32];
        RoundToRange(x, 15, block, q);
        BitFields.PutNibbles(q, block + 4);
    }

    /// <summary>From the smallest of 32 numbers to the largest in equal steps. Writes d and m.</summary>
    public static void RoundToRange(float* x, int top, byte* halves, byte* q)
    {
        float smallest = x[0], largest = x[0];
        for (int i = 1; i < 32; i++) (smallest, largest) = (Math.Min(smallest, x[i]), Math.Max(largest, x[i]));
        float d = BitFields.PutHalf((largest - smallest) / top, halves), m = BitFields.PutHalf(smallest, halves + 2);
        for (int i = 0; i < 32; i++) q[i] = (byte)ScaleSearch.Index(x[i], -m, d, 0, top);
    }
}
