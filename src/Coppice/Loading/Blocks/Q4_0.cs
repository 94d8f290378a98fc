namespace Coppice.Loading;

/// <summary>32 numbers in 18 bytes: {half d; 16 bytes}. Byte i holds number i in its lower half and number i + 16 in its upper. w = d · (q - 8).</summary>
internal sealed unsafe class Q4_0() : BlockFormat(WeightType.Q4_0, 32, 18, 32, 4)
{
    public override int Offset => 8;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        parts->SetPlain(BitFields.Half(block), 0);
        BitFields.TakeNibbles(block + 2, parts->Q);
    }

    protected override void Round(float* x, byte* block)
    {
        // The number furthest from zero becomes -8, the one integer without a counterpart.
        float d = BitFields.PutHalf(ScaleSearch.Extreme(x, 32) / -8, block);
        byte* q = stackalloc byte[32];
        for (int i = 0; i < 32; i++) q[i] = (byte)(ScaleSearch.Index(x[i], 0, d, -8, 7) + 8);
        BitFields.PutNibbles(q, block + 2);
    }
}
