using System.Text.Json;

namespace Coppice.Constraints;

/// <summary>Strings and numbers of a schema.</summary>
internal static class SchemaScalars
{
    private const string Year = @"\d{4}";
    private const string Day = @"((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))";
    private const string Date = $@"({Year}-{Day})";
    private const string Time = @"(([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))";
    private const string Byte = @"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)";
    private const string Label = @"[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?";

    // Each describes a part of what the format allows, and nothing that it does not.
    private static readonly Dictionary<string, string> s_formats = new(StringComparer.Ordinal)
    {
        ["date"] = $"^{Date}$",
        ["time"] = $"^{Time}$",
        ["date-time"] = $"^{Date}T{Time}$",
        ["duration"] = @"^P(\d{1,4}W|\d{1,4}D(T\d{1,4}[HMS])?|T\d{1,4}[HMS])$",
        ["uuid"] = @"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        ["email"] = $@"^[A-Za-z0-9_+-]{{1,30}}(\.[A-Za-z0-9_+-]{{1,30}}){{0,3}}@{Label}(\.{Label}){{1,3}}$",
        ["hostname"] = $@"^{Label}(\.{Label}){{0,5}}$",
        ["ipv4"] = $@"^{Byte}(\.{Byte}){{3}}$",
        ["ipv6"] = "^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}$",
        ["uri"] = $@"^https?://{Label}(\.{Label}){{0,5}}(:\d{{1,4}})?(/[A-Za-z0-9._~-]{{0,50}}){{0,10}}$",
    };

    public static Expr String(SchemaKeywords keywords, JsonRules rules, BuildBudget budget)
    {
        bool measured = keywords.HasAny("minLength", "maxLength");
        SchemaPart[] shapes = [.. keywords["pattern"].Concat(keywords["format"])];
        if (shapes.Length > 1 || (shapes.Length == 1 && measured))
            throw shapes[^1].Path.Wrong("of pattern, format and the lengths, only one is supported on one string; write the lengths into the pattern, as in ^[a-z]{2,8}$");
        if (shapes is [SchemaPart shape])
        {
            string text = shape.Text();
            if (keywords.HasAny("pattern")) return JsonRules.Quoted(TextLanguage.FromPattern(text, $"The schema, {shape.Path}", budget).ToExpr(JsonRules.Spelled, budget));
            if (!s_formats.TryGetValue(text, out string? pattern)) throw shape.Wrong($"one of the formats supported: {string.Join(", ", s_formats.Keys)}. Leave it out, or give a pattern");
            return JsonRules.Quoted(TextLanguage.FromPattern(pattern, text, budget).ToExpr(JsonRules.Spelled, budget));
        }
        if (!measured) return rules.String;
        int min = keywords["minLength"].Select(part => part.Count()).DefaultIfEmpty(0).Max();
        int? max = keywords["maxLength"].Count == 0 ? null : keywords["maxLength"].Min(part => part.Count());
        if (max < min) throw keywords["maxLength"][0].Path.Wrong($"minLength is {min} and maxLength is {max}; it must not be less");
        return JsonRules.Quoted(Expr.Repeat(rules.Char, min, max));
    }

    public static Expr Integer(SchemaKeywords keywords, SchemaPath path)
    {
        long low = -JsonNumbers.Most, high = JsonNumbers.Most;
        foreach (SchemaPart part in keywords["minimum"]) low = Math.Max(low, (long)Math.Ceiling(part.Number()));
        foreach (SchemaPart part in keywords["exclusiveMinimum"]) low = Math.Max(low, (long)Math.Floor(part.Number()) + 1);
        foreach (SchemaPart part in keywords["maximum"]) high = Math.Min(high, (long)Math.Floor(part.Number()));
        foreach (SchemaPart part in keywords["exclusiveMaximum"]) high = Math.Min(high, (long)Math.Ceiling(part.Number()) - 1);
        return low <= high ? JsonNumbers.Integers(low, high) : throw path.Wrong($"no whole number fits the bounds: it would be from {low} to {high}");
    }

    public static Expr Number(SchemaKeywords keywords, JsonRules rules)
    {
        if (!keywords.HasAny("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")) return rules.Number;
        (long low, bool lowExcluded) = (-JsonNumbers.Most, false);
        (long high, bool highExcluded) = (JsonNumbers.Most, false);
        foreach (SchemaPart part in keywords["minimum"])
            if (Whole(part) is var bound && bound > low) (low, lowExcluded) = (bound, false);
        foreach (SchemaPart part in keywords["exclusiveMinimum"])
            if (Whole(part) is var bound && bound >= low) (low, lowExcluded) = (bound, true);
        foreach (SchemaPart part in keywords["maximum"])
            if (Whole(part) is var bound && bound < high) (high, highExcluded) = (bound, false);
        foreach (SchemaPart part in keywords["exclusiveMaximum"])
            if (Whole(part) is var bound && bound <= high) (high, highExcluded) = (bound, true);
        return JsonNumbers.Reals(low, lowExcluded, high, highExcluded);
    }

    private static long Whole(SchemaPart part)
    {
        if (part.Value.ValueKind is JsonValueKind.True or JsonValueKind.False) throw part.Path.Wrong("exclusive bounds are numbers (as true and false they are of draft 4)");
        decimal bound = part.Number();
        return bound == decimal.Truncate(bound) ? (long)bound : throw part.Path.Wrong($"the bound {bound} of a number is not whole; whole bounds are supported, and any bounds of integers");
    }
}
