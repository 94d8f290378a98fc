using System.Text;

namespace Coppice.Loading;

/// <summary>Text from a file, made fit for an error message: quoted, short, and without control characters that a terminal would obey.</summary>
internal static class Quoted
{
    private const int MaxChars = 80;

    public static string Of(string text)
    {
        StringBuilder quoted = new("'", Math.Min(text.Length, MaxChars) + 5);
        for (int i = 0; i < text.Length; i++)
        {
            if (i == MaxChars) return quoted.Append("...'").ToString();
            char c = text[i];
            if (char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) == System.Globalization.UnicodeCategory.Format)
                quoted.Append("\\u").Append(((int)c).ToString("x4"));
            else quoted.Append(c);
        }
        return quoted.Append('\'').ToString();
    }

    public static string Shape(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
