namespace Coppice.Loading;

/// <summary>
/// 256 numbers in 136 bytes: {half d; 16 bits, two upper ones of each of 8 scales; 4 bytes, their four lower ones, the even scale's in the
/// lower half; 8 × 16 bytes as in <see cref="IQ4_NL"/>}. w = d · (scale - 32) · value, a scale for each 32 numbers.
/// </summary>
internal sealed unsafe class IQ4_XS() : BlockFormat(WeightType.IQ4_XS, 256, 136, 32, 4)
{
    private const int UpperAt = 2, LowerAt = 4, NumbersAt = 8;

    public override ReadOnlySpan<sbyte> Codebook => IQ4_NL.Values;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        (parts->D, parts->DMin) = (BitFields.Half(block), 0);
        int upper = *(ushort*)(block + UpperAt);
        for (int g = 0; g < 8; g++)
        {
            int scale = block[LowerAt + g / 2] >> 4 * (g % 2) & 15 | (upper >> 2 * g & 3) << 4;
            parts->Scales[g] = (sbyte)(scale - 32);
            BitFields.TakeNibbles(block + NumbersAt + 16 * g, parts->Q + 32 * g);
        }
    }

    protected override void Round(float* x, byte* block)
    {
        float* scales = stackalloc float[8];
        for (int g = 0; g < 8; g++) scales[g] = ScaleSearch.OfCodebook(x + 32 * g, 32, IQ4_NL.Values);
        float d = BitFields.PutHalf(ScaleSearch.Extreme(scales, 8) / -32, block);
        for (int g = 0; g < 8; g++)
        {
            int scale = ScaleSearch.Index(scales[g], 0, d, -32, 31), stored = scale + 32;
            block[LowerAt + g / 2] |= (byte)((stored & 15) << 4 * (g % 2));
            *(ushort*)(block + UpperAt) |= (ushort)(stored >> 4 << 2 * g);
            IQ4_NL.RoundTo(x + 32 * g, d * scale, block + NumbersAt + 16 * g);
        }
    }
}
