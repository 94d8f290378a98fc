using System.Text;
using Coppice.Tokens;

namespace Coppice.Tests.Tokens;

public sealed class TextOffsetTests
{
    [Theory]
    [InlineData("plain")]
    [InlineData("😀😀😀 is")]
    [InlineData("é, 中, and \U0001F468\u200D\U0001F469 together, e\u0301 apart")]
    public void Offsets_count_code_points_however_the_bytes_are_cut(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        for (int size = 1; size <= bytes.Length; size++)
        {
            TextOffset offset = new();
            for (int at = 0; at < bytes.Length; at += size)
            {
                // A character that is cut begins where it begins.
                int whole = at;
                while ((bytes[whole] & 0xC0) == 0x80) whole--;
                Assert.Equal(Encoding.UTF8.GetString(bytes, 0, whole).EnumerateRunes().Count(), offset.Next(bytes.AsSpan(at, Math.Min(size, bytes.Length - at))));
            }
        }
    }

    [Fact]
    public void A_token_longer_than_a_part_is_counted_whole()
    {
        TextOffset offset = new();
        offset.Next(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("😀é", 100))));
        Assert.Equal(200, offset.Next([]));
    }
}
