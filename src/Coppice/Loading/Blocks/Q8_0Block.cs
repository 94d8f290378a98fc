namespace Coppice.Loading;

/// <summary>32 numbers in 34 bytes: {half d; 32 signed bytes}. w = d · q.</summary>
internal sealed unsafe class Q8_0Block() : BlockFormat(WeightType.Q8_0, 32, 34, 32, 8)
{
    public override void TakeApart(byte* block, BlockParts* parts)
    {
        parts->SetPlain(BitFields.Half(block), 0);
        new ReadOnlySpan<byte>(block + 2, 32).CopyTo(new Span<byte>(parts->Q, 32));
    }

    protected override void Round(float* x, byte* block)
    {
        float d = BitFields.PutHalf(MathF.Abs(ScaleSearch.Extreme(x, 32)) / 127, block);
        for (int i = 0; i < 32; i++) block[2 + i] = (byte)ScaleSearch.Index(x[i], 0, d, -127, 127);
    }
}
