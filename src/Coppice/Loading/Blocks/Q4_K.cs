namespace Coppice.Loading;

/// <summary>
/// 256 numbers in 144 bytes: {half d; half dMin; 12 bytes of scales and mins; 128 bytes}. w = d · scale · q - dMin · min, a scale and min of
/// six bits for each 32 numbers. Of 64 numbers, 32 bytes hold the first 32 in their lower halves and the others in their upper ones.
/// </summary>
internal sealed unsafe class Q4_K() : BlockFormat(WeightType.Q4_K, 256, 144, 32, 4)
{
    private const int NumbersAt = 16;

    public override bool HasMins => true;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        TakeScales(block, parts);
        for (int i = 0; i < 8; i++) BitFields.Take(block + NumbersAt + i / 2 * 32, 32, i % 2 * 4, 15, parts->Q + 32 * i);
    }

    protected override void Round(float* x, byte* block)
    {
        byte* q = stackalloc byte[256];
        RoundGroups(x, 15, block, q);
        for (int i = 0; i < 8; i++) BitFields.Or(q + 32 * i, 32, 0, 15, i % 2 * 4, block + NumbersAt + i / 2 * 32);
    }

    /// <summary>
    /// The 16 bytes that begin a block: d, dMin, then 8 scales and 8 mins of six bits. Bytes 0 to 3 hold scales 0 to 3 and bytes 4 to 7 mins
    /// 0 to 3, in six bits; bytes 8 to 11 hold the lower four bits of scales 4 to 7 and, above them, of mins 4 to 7, whose upper two bits
    /// are those of bytes 0 to 3 and 4 to 7.
    /// </summary>
    public static void TakeScales(byte* block, BlockParts* parts)
    {
        (parts->D, parts->DMin) = (BitFields.Half(block), BitFields.Half(block + 2));
        byte* packed = block + 4;
        for (int g = 0; g < 4; g++)
        {
            parts->Scales[g] = (sbyte)(packed[g] & 63);
            parts->Mins[g] = (byte)(packed[g + 4] & 63);
            parts->Scales[g + 4] = (sbyte)(packed[g + 8] & 15 | packed[g] >> 6 << 4);
            parts->Mins[g + 4] = (byte)(packed[g + 8] >> 4 | packed[g + 4] >> 6 << 4);
        }
    }

    /// <summary>Writes the 16 bytes that begin a block and rounds the numbers.</summary>
    public static void RoundGroups(float* x, int top, byte* block, byte* q)
    {
        AffineGroups groups = default;
        groups.Fit(x, 32, top, 63);
        float d = BitFields.PutHalf(groups.D, block), dMin = BitFields.PutHalf(groups.DMin, block + 2);
        groups.Round(x, d, dMin, q);
        byte* packed = block + 4;
        for (int g = 0; g < 4; g++)
        {
            packed[g] = (byte)(groups.Scales[g] | groups.Scales[g + 4] >> 4 << 6);
            packed[g + 4] = (byte)(groups.Mins[g] | groups.Mins[g + 4] >> 4 << 6);
            packed[g + 8] = (byte)(groups.Scales[g + 4] & 15 | groups.Mins[g + 4] << 4);
        }
    }
}
