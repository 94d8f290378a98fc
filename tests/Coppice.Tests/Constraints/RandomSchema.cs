using System.Text.Json.Nodes;

namespace Coppice.Tests.Constraints;

/// <summary>Schemas of everything that is supported, put together by chance from few names and values, so that keywords meet.</summary>
internal sealed class RandomSchema(Random random)
{
    private static readonly string[] s_names = ["a", "ab", "b", "é \"q\"", "x y", "b1", "k\n"];   // without / and ~, whose escapes the oracle takes for other names
    private static readonly string[] s_values = ["1", "2", "1.5", "0", "-3", "null", "true", "false", "\"a\"", "\"ab\"", "\"b\\\"\\n\"", "[1]", "[]", "[1,\"a\"]", "{}", "{\"a\":1}", "{\"a\":1,\"b\":[2]}"];
    private static readonly string[] s_patterns = ["^[a-c]{2,4}$", "b", "^\\d+-", "^(a|\"b)$", "^[^a]{1,3}$", "^a", "(^on$)|(^off$)", "^(?!ab)[a-z]+$", "^[\\w.]+@b$", "^é*$"];
    private static readonly string[] s_formats = ["date", "date-time", "time", "uuid", "ipv4", "ipv6", "email", "uri", "hostname", "duration", "unheard-of"];
    private static readonly string[] s_types = ["object", "array", "string", "number", "integer", "boolean", "null"];

    private static readonly string[] s_references = ["#/$defs/tree", "#/$defs/short", "#short", "#/$defs/any"];

    private string[] _references = s_references;

    // A schema has formats or patterns: where both are on one string and share no text, the format is only a note, and the oracle does not know that.
    private readonly bool _formats = random.Next(2) == 0;

    public static string Make(Random random)
    {
        RandomSchema schemas = new(random);
        JsonObject schema = schemas.Schema(3);
        schema["$defs"] = new JsonObject
        {
            ["tree"] = JsonNode.Parse("""{"type":"object","properties":{"v":{"type":"integer","minimum":0,"maximum":9},"kids":{"type":"array","items":{"$ref":"#/$defs/tree"},"maxItems":2}},"required":["v"],"additionalProperties":false}"""),
            ["short"] = JsonNode.Parse("""{"$anchor":"short","type":"string","maxLength":5}"""),
            // It refers to no schema of its kind: that could lead back to itself before any value.
            ["any"] = schemas.Referring(s_references[..3]).Schema(1),
        };
        return schema.ToJsonString();
    }

    private RandomSchema Referring(string[] references)
    {
        _references = references;
        return this;
    }

    private bool Chance(int of) => random.Next(of) == 0;

    private T One<T>(T[] of) => of[random.Next(of.Length)];

    private JsonObject Schema(int depth)
    {
        JsonObject schema = [];
        if (!Chance(4)) schema["type"] = Chance(5) ? new JsonArray(One(s_types), "null") : One(depth > 0 ? [.. s_types, "object", "object", "array"] : s_types);
        for (int i = 1 + random.Next(3); i > 0; i--) Add(schema, depth);
        return schema;
    }

    private JsonNode Sub(int depth) => Chance(12) ? JsonValue.Create(Chance(2)) : Schema(depth - 1);

    private JsonArray Several(int depth) => [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => Sub(depth))];

    private JsonObject Map(int depth) => new(Enumerable.Range(0, 1 + random.Next(3)).Select(_ => One(s_names)).Distinct().Select(name => KeyValuePair.Create(name, (JsonNode?)Sub(depth))));

    private JsonArray Names() => [.. Enumerable.Range(0, 1 + random.Next(2)).Select(_ => One(s_names)).Distinct().Select(name => JsonValue.Create(name))];

    private void Add(JsonObject schema, int depth)
    {
        string type = schema["type"] is JsonValue said ? said.GetValue<string>() : One(s_types);
        if (Chance(6)) Anything(schema, depth);
        else if (depth > 0 && Chance(5)) Combined(schema, depth);
        else if (type == "object" && depth > 0) OfObject(schema, depth);
        else if (type == "array" && depth > 0) OfArray(schema, depth);
        else if (type == "string") OfString(schema);
        else if (type is "number" or "integer") OfNumber(schema);
    }

    private void Anything(JsonObject schema, int depth)
    {
        switch (random.Next(4))
        {
            case 0: schema["enum"] = new JsonArray([.. Enumerable.Range(0, 1 + random.Next(6)).Select(_ => One(s_values)).Distinct().Select(value => JsonNode.Parse(value))]); break;
            case 1: schema["const"] = JsonNode.Parse(One(s_values)); break;
            case 2: schema["$ref"] = One(_references); break;
            default: if (depth > 0) schema["not"] = Sub(depth); break;
        }
    }

    private void Combined(JsonObject schema, int depth)
    {
        switch (random.Next(5))
        {
            case 0: schema["allOf"] = Several(depth); break;
            case 1: schema["anyOf"] = Several(depth); break;
            case 2: schema["oneOf"] = Several(depth); break;
            case 3: schema["not"] = Sub(depth); break;
            default:
                schema["if"] = Sub(depth);
                if (!Chance(3)) schema["then"] = Sub(depth);
                if (!Chance(3)) schema["else"] = Sub(depth);
                break;
        }
    }

    private void OfObject(JsonObject schema, int depth)
    {
        switch (random.Next(12))
        {
            case 0 or 1 or 2: schema["properties"] = Map(depth); break;
            case 3: schema["required"] = Names(); break;
            case 4: schema["additionalProperties"] = Chance(2) ? false : Sub(depth); break;
            case 5: schema["patternProperties"] = new JsonObject { [One(s_patterns)] = Sub(depth) }; break;
            case 6: schema["propertyNames"] = !_formats && Chance(2) ? new JsonObject { ["pattern"] = One(s_patterns) } : Sub(depth); break;
            case 7: schema["minProperties"] = random.Next(3); break;
            case 8: schema["maxProperties"] = random.Next(4); break;
            case 9: schema["dependentRequired"] = new JsonObject { [One(s_names)] = Names() }; break;
            case 10: schema["dependentSchemas"] = new JsonObject { [One(s_names)] = Sub(depth) }; break;
            default: schema["unevaluatedProperties"] = Chance(2) ? false : Sub(depth); break;
        }
    }

    private void OfArray(JsonObject schema, int depth)
    {
        switch (random.Next(9))
        {
            case 0 or 1: schema["items"] = Sub(depth); break;
            case 2: schema["prefixItems"] = Several(depth); break;
            case 3: schema["minItems"] = random.Next(3); break;
            case 4: schema["maxItems"] = random.Next(4); break;
            case 5: schema["contains"] = Sub(depth); break;
            case 6:
                schema["contains"] = Sub(depth);
                schema[Chance(2) ? "minContains" : "maxContains"] = random.Next(3);
                break;
            case 7:
                schema["items"] = new JsonObject { ["enum"] = new JsonArray("x", 1, true, null) };
                schema["uniqueItems"] = true;
                break;
            default: schema["unevaluatedItems"] = Chance(2) ? false : Sub(depth); break;
        }
    }

    private void OfString(JsonObject schema)
    {
        switch (random.Next(3))
        {
            case 0: schema["minLength"] = random.Next(4); break;
            case 1: schema["maxLength"] = 2 + random.Next(6); break;
            default: schema[_formats ? "format" : "pattern"] = One(_formats ? s_formats : s_patterns); break;
        }
    }

    private void OfNumber(JsonObject schema)
    {
        JsonNode bound = Chance(3) ? JsonNode.Parse(One(["0", "0.5", "-2.25", "1e2", "18446744073709551615", "-0.001", "1.0"]))! : random.Next(-120, 130);
        switch (random.Next(5))
        {
            case 0: schema["minimum"] = bound; break;
            case 1: schema["maximum"] = bound; break;
            case 2: schema["exclusiveMinimum"] = bound; break;
            case 3: schema["exclusiveMaximum"] = bound; break;
            default: schema["multipleOf"] = JsonNode.Parse(One(["1", "2", "5", "0.01", "0.5", "2.5", "7", "1000"])); break;
        }
    }
}
