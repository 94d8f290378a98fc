using System.Text;
using System.Text.Json;

namespace Coppice.Fuzz.Targets;

/// <summary>A JSON schema, and a text of it, which is JSON.</summary>
internal static class SchemaTarget
{
    public static FuzzTarget Target { get; } = new("schema", "JSON schemas, and texts of them", Syntax.Json, _ => input =>
    {
        OutputConstraint constraint = OutputConstraint.JsonSchema(Encoding.UTF8.GetString(input));
        if (ConstraintWalk.Draw(constraint, ConstraintWalk.SeedOf(input)) is { } text) JsonDocument.Parse(text).Dispose();
    })
    {
        Refusals = [typeof(InvalidRequestException)],
        Words =
        [
            "type", "properties", "required", "additionalProperties", "patternProperties", "propertyNames", "items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems",
            "unevaluatedProperties", "minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "then", "else", "$ref", "$defs", "definitions", "$id", "$anchor",
            "$dynamicRef", "$dynamicAnchor", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "format", "nullable", "title", "a", "b",
            "\"string\"", "\"number\"", "\"integer\"", "\"object\"", "\"array\"", "\"boolean\"", "\"null\"", "[\"string\",\"null\"]", "\"#\"", "\"#/$defs/a\"", "\"#a\"", "\"#/properties/a\"", "\"date-time\"", "\"uuid\"", "\"email\"", "\"ipv4\"",
            "\"^[a-z]+$\"", "\"\\\\d{3}\"", "\"(a|b)*\"", "\"^(?!x)\"", "[1,2,\"a\",null]", "[\"a\",\"b\"]", "{\"type\":\"string\"}", "{\"type\":\"integer\"}", "{\"$ref\":\"#\"}", "{\"type\":\"object\",\"properties\":{\"a\":{}}}", "0.1", "1e10", "10000", "100",
        ],
        SharedSeeds = ["testdata/cases/*.schema.json"],
    };
}
