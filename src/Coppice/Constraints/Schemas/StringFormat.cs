namespace Coppice.Constraints.Schemas;

/// <summary>A format of strings, held between two patterns, because a regular expression says none of them exactly.</summary>
/// <param name="Name">As schemas write it.</param>
/// <param name="Within">Fits a part of what the format allows, and nothing that it does not.</param>
/// <param name="Around">Fits all that the format allows, and more.</param>
internal sealed record StringFormat(string Name, string Within, string Around)
{
    private const string Year = @"(\d{3}[1-9]|\d\d[1-9]0|\d[1-9]00|[1-9]000)";
    private const string Day = @"((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))";
    private const string Date = $@"({Year}-{Day})";
    private const string Time = @"(([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))";
    private const string Byte = @"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)";
    private const string Label = @"[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?";

    private static readonly Dictionary<string, StringFormat> s_all = new StringFormat[]
    {
        new("date", $"^{Date}$", @"^\d{4}-\d\d-\d\d$"),
        new("time", $"^{Time}$", @"^\d\d:\d\d:\d\d[^T ]*$"),
        new("date-time", $"^{Date}T{Time}$", @"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d"),
        new("duration", @"^P(\d{1,4}W|\d{1,4}D(T\d{1,4}[HMS])?|T\d{1,4}[HMS])$", "^P[0-9.,YMWDTHS]+$"),
        new("uuid", @"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", @"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"),
        new("email", $@"^[A-Za-z0-9_+-]{{1,30}}(\.[A-Za-z0-9_+-]{{1,30}}){{0,3}}@({Label}\.){{1,3}}[A-Za-z]{{2,10}}$", "@"),
        new("hostname", $@"^{Label}(\.{Label}){{0,5}}$", @"^[A-Za-z0-9.-]+$"),
        new("ipv4", $@"^{Byte}(\.{Byte}){{3}}$", @"^\d+(\.\d+){3}$"),
        new("ipv6", "^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}$", "^[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*$"),
        new("uri", $@"^https?://{Label}(\.{Label}){{0,5}}(:\d{{1,4}})?(/[A-Za-z0-9._~-]{{0,50}}){{0,10}}$", "^[A-Za-z][A-Za-z0-9+.-]*:"),
    }.ToDictionary(format => format.Name, StringComparer.Ordinal);

    public static StringFormat? Find(string name) => s_all.GetValueOrDefault(name);
}
