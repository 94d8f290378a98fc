namespace Coppice.Loading;

/// <summary>32 numbers in 18 bytes, laid out as <see cref="Q4_0"/>; the four bits choose one of 16 values, denser around zero. w = d · value.</summary>
internal sealed unsafe class IQ4_NL() : BlockFormat(WeightType.IQ4_NL, 32, 18, 32, 4)
{
    /// <summary>ggml's kvalues_iq4nl.</summary>
    public static ReadOnlySpan<sbyte> Values => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public override ReadOnlySpan<sbyte> Codebook => Values;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        parts->SetPlain(BitFields.Half(block), 0);
        BitFields.TakeNibbles(block + 2, parts->Q);
    }

    protected override void Round(float* x, byte* block)
    {
        float d = BitFields.PutHalf(ScaleSearch.OfCodebook(x, 32, Values), block);
        RoundTo(x, d, block + 2);
    }

    /// <summary>32 numbers to the nearest values of a scale.</summary>
    public static void RoundTo(float* x, float scale, byte* nibbles)
    {
        byte* q = stackalloc byte[32];
        for (int i = 0; i < 32; i++) q[i] = (byte)ScaleSearch.Nearest(Values, scale == 0 ? 0 : x[i] / scale);
        BitFields.PutNibbles(q, nibbles);
    }
}
