namespace Coppice.Loading;

/// <summary>32 numbers in 22 bytes: {half d; 32 fifth bits, number i's in bit i; 16 bytes of lower bits as in <see cref="Q4_0"/>}. w = d · (q - 16).</summary>
internal sealed unsafe class Q5_0() : BlockFormat(WeightType.Q5_0, 32, 22, 32, 5)
{
    public override int Offset => 16;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        parts->SetPlain(BitFields.Half(block), 0);
        TakeFive(block + 2, parts->Q);
    }

    protected override void Round(float* x, byte* block)
    {
        float d = BitFields.PutHalf(ScaleSearch.Extreme(x, 32) / -16, block);
        byte* q = stackalloc byte[32];
        for (int i = 0; i < 32; i++) q[i] = (byte)(ScaleSearch.Index(x[i], 0, d, -16, 15) + 16);
        PutFive(q, block + 2);
    }

    /// <summary>from: the 32 fifth bits, then the lower bits.</summary>
    public static void TakeFive(byte* from, byte* q)
    {
        uint fifth = *(uint*)from;
        BitFields.TakeNibbles(from + 4, q);
        for (int i = 0; i < 32; i++) q[i] |= (byte)((fifth >> i & 1) << 4);
    }

    /// <summary>As <see cref="TakeFive"/>, the other way.</summary>
    public static void PutFive(byte* q, byte* to)
    {
        uint fifth = 0;
        for (int i = 0; i < 32; i++) fifth |= (uint)(q[i] >> 4) << i;
        *(uint*)to = fifth;
        BitFields.PutNibbles(q, to + 4);
    }
}
