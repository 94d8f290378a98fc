using System.Text.Json;
using Coppice.Templates;

namespace Coppice.Tests.Templates;

/// <summary>What Jinja itself makes of small templates: jinja-cases.json, written by jinja-cases.py.</summary>
internal static class JinjaCases
{
    private static readonly Lazy<JsonElement> s_file = new(() =>
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestData.Root, "tests", "Coppice.Tests", "Templates", "jinja-cases.json")));
        return document.RootElement.Clone();
    });

    public static DateTimeOffset Now => new(s_file.Value.GetProperty("now").GetDateTime(), TimeSpan.Zero);

    public static IEnumerable<(string Template, string? Expected)> All => s_file.Value.GetProperty("cases").EnumerateArray().Select(c => (c[0].GetString()!, c[1].GetString()));

    /// <summary>The variables that the templates were rendered with.</summary>
    public static Dictionary<string, object?> Variables() => Values(s_file.Value.GetProperty("data"));

    public static Dictionary<string, object?> Values(JsonElement data) => data.EnumerateObject().ToDictionary(p => p.Name, p => JsonValues.Of(p.Value), StringComparer.Ordinal);
}
