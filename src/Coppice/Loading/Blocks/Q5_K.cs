namespace Coppice.Loading;

/// <summary>
/// 256 numbers in 176 bytes: {16 bytes as in <see cref="Q4_K"/>; 32 bytes of fifth bits; 128 bytes of lower bits as in <see cref="Q4_K"/>}.
/// w = d · scale · q - dMin · min. Byte i of the fifth bits holds that of number i of each 32, the first 32's in bit 0.
/// </summary>
internal sealed unsafe class Q5_K() : BlockFormat(WeightType.Q5_K, 256, 176, 32, 5)
{
    private const int FifthAt = 16, NumbersAt = 48;

    public override bool HasMins => true;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        Q4_K.TakeScales(block, parts);
        for (int i = 0; i < 8; i++)
        {
            BitFields.Take(block + NumbersAt + i / 2 * 32, 32, i % 2 * 4, 15, parts->Q + 32 * i);
            BitFields.Or(block + FifthAt, 32, i, 1, 4, parts->Q + 32 * i);
        }
    }

    protected override void Round(float* x, byte* block)
    {
        byte* q = stackalloc byte[256];
        Q4_K.RoundGroups(x, 31, block, q);
        for (int i = 0; i < 8; i++)
        {
            BitFields.Or(q + 32 * i, 32, 0, 15, i % 2 * 4, block + NumbersAt + i / 2 * 32);
            BitFields.Or(q + 32 * i, 32, 4, 1, i, block + FifthAt);
        }
    }
}
