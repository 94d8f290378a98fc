using System.Text.Json;
using System.Text.RegularExpressions;

namespace Coppice.Tests.Constraints;

/// <summary>Validates JSON against the keywords that constraints know, as the specification words them. Independent of the translation.</summary>
internal sealed class SmallValidator(JsonElement root)
{
    public bool IsValid(JsonElement value) => IsValid(value, root);

    private bool IsValid(JsonElement value, JsonElement schema)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False) return schema.GetBoolean();
        foreach (JsonProperty keyword in schema.EnumerateObject())
            if (!Holds(keyword, value, schema)) return false;
        return true;
    }

    private bool Holds(JsonProperty keyword, JsonElement value, JsonElement schema)
    {
        JsonElement says = keyword.Value;
        bool isObject = value.ValueKind == JsonValueKind.Object, isArray = value.ValueKind == JsonValueKind.Array;
        bool isString = value.ValueKind == JsonValueKind.String, isNumber = value.ValueKind == JsonValueKind.Number;
        int length = isString ? value.GetString()!.EnumerateRunes().Count() : 0;
        bool nullable = schema.TryGetProperty("nullable", out JsonElement may) && may.GetBoolean();
        switch (keyword.Name)
        {
            case "type": return (nullable && value.ValueKind == JsonValueKind.Null) || (says.ValueKind == JsonValueKind.Array ? says.EnumerateArray().Any(type => IsOf(value, type.GetString()!)) : IsOf(value, says.GetString()!));
            case "enum": return says.EnumerateArray().Any(item => JsonElement.DeepEquals(item, value));
            case "const": return JsonElement.DeepEquals(says, value);
            case "$ref": return IsValid(value, Find(says.GetString()!));
            case "allOf": return says.EnumerateArray().All(item => IsValid(value, item));
            case "anyOf" or "oneOf": return says.EnumerateArray().Any(item => IsValid(value, item));
            case "required": return !isObject || says.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _));
            case "properties": return !isObject || value.EnumerateObject().All(member => !says.TryGetProperty(member.Name, out JsonElement inner) || IsValid(member.Value, inner));
            case "additionalProperties": return !isObject || value.EnumerateObject().All(member => (schema.TryGetProperty("properties", out JsonElement named) && named.TryGetProperty(member.Name, out _)) || IsValid(member.Value, says));
            case "prefixItems": return !isArray || value.EnumerateArray().Zip(says.EnumerateArray()).All(pair => IsValid(pair.First, pair.Second));
            case "items": return !isArray || value.EnumerateArray().Skip(schema.TryGetProperty("prefixItems", out JsonElement first) ? first.GetArrayLength() : 0).All(item => IsValid(item, says));
            case "minItems": return !isArray || value.GetArrayLength() >= says.GetInt32();
            case "maxItems": return !isArray || value.GetArrayLength() <= says.GetInt32();
            case "minLength": return !isString || length >= says.GetInt32();
            case "maxLength": return !isString || length <= says.GetInt32();
            case "pattern": return !isString || Regex.IsMatch(value.GetString()!, says.GetString()!, RegexOptions.ECMAScript);
            case "format": return !isString || HasFormat(value.GetString()!, says.GetString()!);
            case "minimum": return !isNumber || value.GetDecimal() >= says.GetDecimal();
            case "maximum": return !isNumber || value.GetDecimal() <= says.GetDecimal();
            case "exclusiveMinimum": return !isNumber || value.GetDecimal() > says.GetDecimal();
            case "exclusiveMaximum": return !isNumber || value.GetDecimal() < says.GetDecimal();
            default: return true;
        }
    }

    private static bool HasFormat(string text, string format) => format switch
    {
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", out _) || text.StartsWith("0000", StringComparison.Ordinal),
        "date-time" => text[10] == 'T' && HasFormat(text[..10], "date") && Regex.IsMatch(text[11..], @"^\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"),
        "time" => TimeOnly.TryParseExact(text[..8], "HH:mm:ss", out _),
        "uuid" => Guid.TryParseExact(text, "D", out _),
        "ipv4" => System.Net.IPAddress.TryParse(text, out _),
        "ipv6" => System.Net.IPAddress.TryParse(text, out _),
        "email" => System.Net.Mail.MailAddress.TryCreate(text, out _),
        "uri" => Uri.TryCreate(text, UriKind.Absolute, out _),
        "hostname" => Uri.CheckHostName(text) is UriHostNameType.Dns or UriHostNameType.IPv4,
        _ => true,
    };

    private static bool IsOf(JsonElement value, string type) => type switch
    {
        "integer" => value.ValueKind == JsonValueKind.Number && value.GetDecimal() % 1 == 0,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        _ => string.Equals(value.ValueKind.ToString(), type, StringComparison.OrdinalIgnoreCase),
    };

    private JsonElement Find(string pointer) => pointer.Split('/').Skip(1).Aggregate(root, (at, step) => at.GetProperty(step));
}
