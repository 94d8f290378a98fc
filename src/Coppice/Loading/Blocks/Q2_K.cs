namespace Coppice.Loading;

/// <summary>
/// 256 numbers in 84 bytes: {16 bytes, scale in the lower half and min in the upper; 64 bytes of two bits each; half d; half dMin}.
/// w = d · scale · q - dMin · min, a scale and min for each 16 numbers. Of 128 numbers, 32 bytes hold number i (of 32) of the four
/// quarters in bits 0, 2, 4 and 6.
/// </summary>
internal sealed unsafe class Q2_K() : BlockFormat(WeightType.Q2_K, 256, 84, 16, 2)
{
    private const int NumbersAt = 16, DAt = 80, DMinAt = 82;

    public override bool HasMins => true;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        (parts->D, parts->DMin) = (BitFields.Half(block + DAt), BitFields.Half(block + DMinAt));
        BitFields.Take(block, 16, 0, 15, (byte*)parts->Scales);
        BitFields.Take(block, 16, 4, 15, parts->Mins);
        for (int i = 0; i < 8; i++) BitFields.Take(block + NumbersAt + i / 4 * 32, 32, i % 4 * 2, 3, parts->Q + 32 * i);
    }

    protected override void Round(float* x, byte* block)
    {
        AffineGroups groups = default;
        groups.Fit(x, 16, 3, 15);
        float d = BitFields.PutHalf(groups.D, block + DAt), dMin = BitFields.PutHalf(groups.DMin, block + DMinAt);
        byte* q = stackalloc byte[256];
        groups.Round(x, d, dMin, q);
        for (int g = 0; g < 16; g++) block[g] = (byte)(groups.Scales[g] | groups.Mins[g] << 4);
        for (int i = 0; i < 8; i++) BitFields.Or(q + 32 * i, 32, 0, 3, i % 4 * 2, block + NumbersAt + i / 4 * 32);
    }
}
