using System.Globalization;
using System.Text;
using Coppice.Tokens;

namespace Coppice.Tests.Tokens;

public sealed class UnicodeFormTests
{
    private static readonly (int First, int Last)[] s_ranges =
    [
        (0x41, 0x7a), (0xC0, 0x17F), (0x300, 0x36F), (0x591, 0x5C7), (0x610, 0x65F), (0x900, 0xDFF), (0xF00, 0xFBF), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x3040, 0x30FF),
        (0xAC00, 0xAFFF), (0xFB00, 0xFEFF), (0xFF00, 0xFFEF), (0x11080, 0x114FF), (0x1D100, 0x1D1FF),
    ];

    [Theory]
    [InlineData("NFC", "e\u0301", "é")]
    [InlineData("NFC", "a\u0323\u0302", "ậ")]
    [InlineData("NFC", "a\u0302\u0323", "ậ")]
    [InlineData("NFC", "\u2126\u212B", "ΩÅ")]
    [InlineData("NFC", "\u0958", "\u0915\u093C")]
    [InlineData("NFC", "ﬁ①", "ﬁ①")]
    [InlineData("NFC", "\u1112\u1161\u11AB", "한")]
    [InlineData("NFC", "\uD834\uDD5E", "\uD834\uDD57\uD834\uDD65")]
    [InlineData("NFC", "x\uD800e\u0301\uDC00", "x\uD800é\uDC00")]
    [InlineData("NFD", "é한ậ", "e\u0301\u1112\u1161\u11ABa\u0323\u0302")]
    [InlineData("NFKC", "ﬁ①ｶﾞ㎏", "fi1ガkg")]
    [InlineData("NFKD", "Å™", "A\u030ATM")]
    public void Known_texts_come_to_their_form(string form, string text, string normal) => Assert.Equal(normal, Form(form).Apply(text));

    /// <summary>The hashes are of what Python 3.13's unicodedata (Unicode 15.1) makes of the same texts.</summary>
    [Theory]
    [InlineData("NFC", 0xE99C1F7CCAE49C47UL)]
    [InlineData("NFD", 0xBD569EF1D938C9A6UL)]
    [InlineData("NFKC", 0x479359862154C206UL)]
    [InlineData("NFKD", 0xBF4C402E572296B2UL)]
    public void All_characters_and_twenty_thousand_random_texts_come_to_the_same_form_as_in_python(string form, ulong expected)
    {
        UnicodeForm unicode = Form(form);
        ulong hash = 0xcbf29ce484222325;
        for (int code = 0; code <= 0x10FFFF; code++)
            if (Rune.IsValid(code)) hash = Add(hash, unicode.Apply(char.ConvertFromUtf32(code)));
        int[] pool = [.. s_ranges.SelectMany(r => Enumerable.Range(r.First, r.Last - r.First + 1))];
        ulong state = 12345;
        for (int i = 0; i < 20_000; i++)
        {
            StringBuilder text = new();
            for (int j = 0; j < 8; j++)
            {
                state = unchecked(state * 6364136223846793005 + 1442695040888963407);
                text.Append(char.ConvertFromUtf32(pool[(int)((state >> 33) % (ulong)pool.Length)]));
            }
            hash = Add(hash, unicode.Apply(text.ToString()));
        }
        Assert.Equal(expected.ToString("x", CultureInfo.InvariantCulture), hash.ToString("x", CultureInfo.InvariantCulture));
    }

    [Fact]
    public void A_long_run_of_marks_takes_no_more_than_its_share_of_time() =>
        Assert.Equal(1_000_000, UnicodeForm.Nfc.Apply("q" + string.Concat(Enumerable.Repeat("\u0301\u0323", 499_999)) + "\u0301").Length);

    private static UnicodeForm Form(string name) => name switch
    {
        "NFC" => UnicodeForm.Nfc,
        "NFD" => UnicodeForm.Nfd,
        "NFKC" => UnicodeForm.Nfkc,
        _ => UnicodeForm.Nfkd,
    };

    private static ulong Add(ulong hash, string text)
    {
        foreach (byte value in Encoding.Unicode.GetBytes(text)) hash = unchecked((hash ^ value) * 0x100000001b3);
        return hash;
    }
}
