using Coppice.KvCache;

namespace Coppice.Tests.KvCache;

public sealed unsafe class KvPagesTests
{
    [Theory]
    [InlineData(KvFormat.F32, 8)]
    [InlineData(KvFormat.F32, 80)]
    [InlineData(KvFormat.BF16, 8)]
    [InlineData(KvFormat.BF16, 40)]
    public void What_is_written_is_read_and_a_copy_stops_where_it_should(KvFormat format, int d)
    {
        using KvPages kv = new(new KvLayout(2, 3, d, format), 4);
        float[] key = new float[d], value = new float[d];
        for (int slot = 0; slot < KvLayout.PageTokens; slot++)
        {
            for (int i = 0; i < d; i++) (key[i], value[i]) = (slot + i / 8f, -slot - i / 8f - 1);
            fixed (float* k = key, v = value) kv.Write(1, 2, 3, slot, k, v);
        }

        for (int copied = 0; copied <= KvLayout.PageTokens; copied++)
        {
            kv.Copy(3, 1, copied);
            for (int slot = 0; slot < KvLayout.PageTokens; slot++)
            {
                for (int i = 0; i < d; i++)
                {
                    if (slot < copied) Assert.Equal(slot + i / 8f, kv.Key(1, 2, 1, slot, i));
                    Assert.Equal(slot < copied ? -slot - i / 8f - 1 : 0f, kv.Value(1, 2, 1, slot, i));
                }
            }
        }

        kv.Clear(3);
        Assert.Equal(0f, kv.Value(1, 2, 3, 15, d - 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => kv.Key(0, 0, 4, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => kv.Key(2, 0, 0, 0, 0));
    }

    [Theory]
    [InlineData(1f, 0x3F80)]
    [InlineData(1.00390625f, 0x3F80)]        // half way: to even
    [InlineData(1.01171875f, 0x3F82)]
    [InlineData(-0f, 0x8000)]
    [InlineData(float.PositiveInfinity, 0x7F80)]
    [InlineData(3.4e38f, 0x7F80)]
    public void Rounding_to_bf16_is_to_nearest_and_even(float x, int bits) => Assert.Equal(bits, Bf16.Round(x));

    [Fact]
    public void NaN_stays_NaN_in_bf16() => Assert.True(float.IsNaN(Bf16.Widen(Bf16.Round(BitConverter.UInt32BitsToSingle(0x7F800001)))));
}
