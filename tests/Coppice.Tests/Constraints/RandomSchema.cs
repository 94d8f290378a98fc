using System.Text.Json.Nodes;

namespace Coppice.Tests.Constraints;

/// <summary>Schemas of everything that is supported, put together by chance.</summary>
internal static class RandomSchema
{
    public static string Make(Random random)
    {
        JsonObject schema = Object(random, 3);
        schema["$defs"] = new JsonObject
        {
            ["tree"] = JsonNode.Parse("""{"type":"object","properties":{"v":{"type":"integer","minimum":0,"maximum":9},"kids":{"type":"array","items":{"$ref":"#/$defs/tree"},"maxItems":2}},"required":["v"],"additionalProperties":false}"""),
            ["short"] = JsonNode.Parse("""{"type":"string","maxLength":5}"""),
        };
        return schema.ToJsonString();
    }

    private static JsonObject Object(Random random, int depth)
    {
        JsonObject properties = [];
        JsonArray required = [];
        int count = random.Next(1, 4);
        for (int i = 0; i < count; i++)
        {
            string name = new[] { "a", "ab", "name", "é \"q\"", "x/y", "b~1" }[random.Next(6)];
            if (properties.ContainsKey(name)) continue;
            properties[name] = Any(random, depth - 1);
            if (random.Next(2) == 0) required.Add(name);
        }
        JsonObject schema = new() { ["type"] = "object", ["properties"] = properties, ["required"] = required };
        int additional = random.Next(4);
        if (additional == 1) schema["additionalProperties"] = false;
        if (additional == 2) schema["additionalProperties"] = Any(random, 0);
        return schema;
    }

    private static JsonNode Any(Random random, int depth) => random.Next(depth > 0 ? 16 : 11) switch
    {
        0 => new JsonObject { ["type"] = "string", ["minLength"] = random.Next(3), ["maxLength"] = 3 + random.Next(5) },
        1 => new JsonObject { ["type"] = "integer", ["minimum"] = random.Next(-2000, 10), ["maximum"] = random.Next(10, 3000) },
        2 => new JsonObject { ["type"] = "number", [random.Next(2) == 0 ? "minimum" : "exclusiveMinimum"] = random.Next(-20, 1), [random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = random.Next(1, 130) },
        3 => new JsonObject { ["enum"] = new JsonArray("red", "re", 1.5, null, true, new JsonArray(1, "two")) },
        4 => new JsonObject { ["const"] = "a\nb\"é" },
        5 => new JsonObject { ["type"] = new JsonArray("boolean", "null") },
        6 => new JsonObject { ["type"] = "string", ["pattern"] = new[] { "^[a-c]{2,4}$", "x", "^\\d+-", "^(a|\"b)$", "^[^a]{1,3}$" }[random.Next(5)] },
        7 => new JsonObject { ["type"] = "string", ["format"] = new[] { "date", "date-time", "time", "uuid", "ipv4", "ipv6", "email", "uri", "hostname" }[random.Next(9)] },
        8 => new JsonObject { ["$ref"] = random.Next(2) == 0 ? "#/$defs/tree" : "#/$defs/short" },
        9 => new JsonObject { ["type"] = "integer", ["exclusiveMaximum"] = random.Next(-30, 30), ["nullable"] = true },
        10 => new JsonObject { ["allOf"] = new JsonArray(new JsonObject { ["$ref"] = "#/$defs/short" }, new JsonObject { ["minLength"] = 2 }) },
        11 => new JsonObject { ["type"] = "array", ["items"] = Any(random, depth - 1), ["minItems"] = random.Next(3), ["maxItems"] = 2 + random.Next(3) },
        12 => new JsonObject { ["type"] = "array", ["prefixItems"] = new JsonArray(Any(random, depth - 1), Any(random, depth - 1)), ["items"] = random.Next(2) == 0 ? false : Any(random, depth - 1), ["minItems"] = random.Next(3) },
        13 => new JsonObject { [random.Next(2) == 0 ? "anyOf" : "oneOf"] = new JsonArray(Any(random, depth - 1), Any(random, depth - 1)) },
        14 => new JsonObject { ["description"] = "with a base", ["type"] = "object", ["properties"] = new JsonObject { ["k"] = Any(random, 0) }, ["anyOf"] = new JsonArray(new JsonObject { ["required"] = new JsonArray("k") }, new JsonObject { ["properties"] = new JsonObject { ["m"] = Any(random, 0) } }) },
        _ => Object(random, depth - 1),
    };
}
