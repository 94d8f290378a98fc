namespace Coppice.Loading;

/// <summary>32 numbers in 24 bytes: {half d; half m; five bits each as in <see cref="Q5_0"/>}. w = d · q + m.</summary>
internal sealed unsafe class Q5_1() : BlockFormat(WeightType.Q5_1, 32, 24, 32, 5)
{
    public override bool HasMins => true;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        parts->SetPlain(BitFields.Half(block), (ushort)(BitFields.Half(block + 2) ^ Q4_1.Sign));
        Q5_0.TakeFive(block + 4, parts->Q);
    }

    protected override void Round(float* x, byte* block)
    {
        byte* q = stackalloc byte[32];
        Q4_1.RoundToRange(x, 31, block, q);
        Q5_0.PutFive(q, block + 4);
    }
}
