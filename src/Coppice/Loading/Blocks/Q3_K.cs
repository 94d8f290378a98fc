namespace Coppice.Loading;

/// <summary>
/// 256 numbers in 110 bytes: {32 bytes of third bits as the fifth ones of <see cref="Q5_K"/>; 64 bytes of lower bits as in
/// <see cref="Q2_K"/>; 12 bytes of scales; half d}. w = d · (scale - 32) · (q - 4), a scale of six bits for each 16 numbers. The lower four
/// bits of scales 0 to 7 are the lower halves of bytes 0 to 7, those of scales 8 to 15 the upper halves; byte 8 + i holds the upper two
/// bits of scales i, i + 4, i + 8 and i + 12.
/// </summary>
internal sealed unsafe class Q3_K() : BlockFormat(WeightType.Q3_K, 256, 110, 16, 3)
{
    private const int LowerAt = 32, ScalesAt = 96, DAt = 108;

    public override int Offset => 4;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        (parts->D, parts->DMin) = (BitFields.Half(block + DAt), 0);
        byte* packed = block + ScalesAt;
        for (int g = 0; g < 16; g++)
            parts->Scales[g] = (sbyte)((packed[g % 8] >> g / 8 * 4 & 15 | (packed[8 + g % 4] >> g / 4 * 2 & 3) << 4) - 32);
        for (int i = 0; i < 8; i++)
        {
            BitFields.Take(block + LowerAt + i / 4 * 32, 32, i % 4 * 2, 3, parts->Q + 32 * i);
            BitFields.Or(block, 32, i, 1, 2, parts->Q + 32 * i);
        }
    }

    protected override void Round(float* x, byte* block)
    {
        float* scales = stackalloc float[16];
        for (int g = 0; g < 16; g++) scales[g] = ScaleSearch.Symmetric(x + 16 * g, 16, 4);
        float d = BitFields.PutHalf(ScaleSearch.Extreme(scales, 16) / -32, block + DAt);
        byte* packed = block + ScalesAt, q = stackalloc byte[256];
        for (int g = 0; g < 16; g++)
        {
            int scale = ScaleSearch.Index(scales[g], 0, d, -32, 31), stored = scale + 32;
            packed[g % 8] |= (byte)((stored & 15) << g / 8 * 4);
            packed[8 + g % 4] |= (byte)(stored >> 4 << g / 4 * 2);
            for (int i = 16 * g; i < 16 * g + 16; i++) q[i] = (byte)(ScaleSearch.Index(x[i], 0, d * scale, -4, 3) + 4);
        }
        for (int i = 0; i < 8; i++)
        {
            BitFields.Or(q + 32 * i, 32, 0, 3, i % 4 * 2, block + LowerAt + i / 4 * 32);
            BitFields.Or(q + 32 * i, 32, 2, 1, i, block);
        }
    }
}
