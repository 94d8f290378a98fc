using System.Text.Json;
using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

public sealed class SchemaTests
{
    [Fact]
    public void JSON_mode_draws_objects_that_parse()
    {
        Random random = new(12);
        TokenAutomaton automaton = Walk.Over(OutputConstraint.JsonObject(), Walk.Bytes);
        int ended = 0;
        for (int i = 0; i < 60; i++)
        {
            if (Walk.Draw(automaton, Walk.Bytes, random) is not string answer) continue;
            ended++;
            using JsonDocument value = JsonDocument.Parse(answer);
            Assert.Equal(JsonValueKind.Object, value.RootElement.ValueKind);
        }
        Assert.True(ended > 40, $"{ended} of 60 ended");
    }

    [Theory]
    [InlineData("""{"properties":{"a":{"type":"integer"},"b":{"type":"null"}},"required":["b"]}""", """{"a": -7,"b":null}""", true)]
    [InlineData("""{"properties":{"a":{"type":"integer"},"b":{"type":"null"}},"required":["b"]}""", """{"b":null}""", true)]
    [InlineData("""{"properties":{"a":{"type":"integer"},"b":{"type":"null"}},"required":["b"]}""", """{"a":1}""", false)]
    [InlineData("""{"properties":{"a":{"type":"integer"},"b":{"type":"null"}},"required":["b"]}""", """{"b":null,"a":1}""", false)]
    [InlineData("""{"properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"null"}}""", """{"a":1,"ab":null,"b":null}""", true)]
    [InlineData("""{"properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"null"}}""", """{"a":null}""", false)]
    [InlineData("""{"properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"null"}}""", """{"\u0061":null}""", false)]
    [InlineData("""{"type":"object"}""", "{\n  \"x\": [1, {\"y\": 2.5e3}],\n  \"z\": {}\n}", true)]
    [InlineData("""{"type":"object"}""", """{ "x":  1}""", false)]
    [InlineData("""{"type":"string","maxLength":2}""", "\"é\\ud83d\\ude00\"", true)]
    [InlineData("""{"type":"string"}""", "\"\\ud83d\"", false)]
    [InlineData("""{"type":"string","pattern":"^\"\\\\\\n$"}""", "\"\\\"\\\\\\n\"", true)]
    [InlineData("""{"type":"integer","minimum":10,"maximum":234}""", "234", true)]
    [InlineData("""{"type":"integer","minimum":10,"maximum":234}""", "235", false)]
    [InlineData("""{"type":"integer","minimum":10,"maximum":234}""", "9", false)]
    [InlineData("""{"type":"integer","minimum":1.5,"exclusiveMaximum":3}""", "2", true)]
    [InlineData("""{"type":"number","exclusiveMinimum":0}""", "0.00", false)]
    [InlineData("""{"type":"number","exclusiveMinimum":0}""", "0.01", true)]
    [InlineData("""{"type":"integer","minimum":-5,"maximum":-2}""", "-3", true)]
    [InlineData("""{"type":"array","prefixItems":[{"const":1},{"const":2}],"items":false}""", "[1]", true)]
    [InlineData("""{"type":"array","prefixItems":[{"const":1},{"const":2}],"items":false}""", "[1,2,3]", false)]
    [InlineData("""{"enum":["a",1,null],"type":["string","null"]}""", "1", false)]
    [InlineData("""{"allOf":[{"properties":{"a":{"type":"string"}}},{"properties":{"b":{"type":"null"}},"required":["a"]}]}""", """{"a":"","b":null}""", true)]
    [InlineData("""{"$ref":"#/definitions/a","definitions":{"a":{"type":"boolean"}}}""", "true", true)]
    [InlineData("""true""", """[null,{"a":1}]""", true)]
    [InlineData("""{"type":"object","properties":{"\"":{"type":"integer"}},"additionalProperties":{"enum":["x"]}}""", """{"\"":1,"b":"x"}""", true)]
    [InlineData("""{"type":"object","properties":{"\"":{"type":"integer"}},"additionalProperties":{"enum":["x"]}}""", """{"\"":"x"}""", false)]
    [InlineData("""{"type":"object","properties":{"\"":{"type":"integer"}},"additionalProperties":{"enum":["x"]}}""", """{"\u0022":"x"}""", false)]
    [InlineData("""{"type":"object","properties":{"a\\\n":{"type":"integer"}},"additionalProperties":{"enum":["x"]}}""", """{"a\\\u000a":"x"}""", false)]
    [InlineData("""{"type":"object","properties":{"a\\\n":{"type":"integer"}},"additionalProperties":{"enum":["x"]}}""", """{"a\\":"x"}""", true)]
    [InlineData("""{"type":"object","patternProperties":{"^\"$":{"type":"integer"}},"additionalProperties":false}""", """{"\"":1}""", true)]
    [InlineData("""{"type":"object","properties":{"a":{}},"patternProperties":{"^x":{"type":"null"}},"additionalProperties":{"type":"integer"}}""", """{"a":[],"xy":null,"b":2}""", true)]
    [InlineData("""{"type":"object","properties":{"a":{}},"patternProperties":{"^x":{"type":"null"}},"additionalProperties":{"type":"integer"}}""", """{"xy":2}""", false)]
    [InlineData("""{"type":"object","propertyNames":{"enum":["a","b"]},"additionalProperties":{"type":"null"}}""", """{"a":null,"b":null}""", true)]
    [InlineData("""{"type":"object","propertyNames":{"enum":["a","b"]},"additionalProperties":{"type":"null"}}""", """{"c":null}""", false)]
    [InlineData("""{"type":"object","minProperties":2,"additionalProperties":{"type":"null"}}""", """{"a":null,"b":null}""", true)]
    [InlineData("""{"type":"object","minProperties":2,"additionalProperties":{"type":"null"}}""", """{"a":null,"a":null}""", false)]
    [InlineData("""{"type":"object","properties":{"a":{},"b":{},"c":{}},"minProperties":1,"maxProperties":2}""", """{"a":1,"c":2}""", true)]
    [InlineData("""{"type":"object","properties":{"a":{},"b":{},"c":{}},"minProperties":1,"maxProperties":2}""", "{}", false)]
    [InlineData("""{"type":"object","properties":{"a":{},"b":{},"c":{}},"minProperties":1,"maxProperties":2}""", """{"a":1,"b":1,"c":2}""", false)]
    [InlineData("""{"oneOf":[{"type":"integer","multipleOf":3},{"type":"integer","multipleOf":5}]}""", "15", false)]
    [InlineData("""{"oneOf":[{"type":"integer","multipleOf":3},{"type":"integer","multipleOf":5}]}""", "9", true)]
    [InlineData("""{"oneOf":[{"required":["a"]},{"required":["b"]}],"type":"object"}""", """{"a":1,"b":2}""", false)]
    [InlineData("""{"type":"string","format":"email","pattern":"^[a-z]+@example\\.com$","maxLength":14}""", "\"ab@example.com\"", true)]
    [InlineData("""{"type":"string","format":"email","pattern":"^[a-z]+@example\\.com$","maxLength":14}""", "\"abc@example.com\"", false)]
    [InlineData("""{"type":"string","format":"email","pattern":"^[a-z]+@example\\.com$","maxLength":14}""", "\"@example.com\"", false)]
    [InlineData("""{"type":"string","format":"time","pattern":"^([01]\\d|2[0-3]):[0-5]\\d$"}""", "\"23:59\"", true)]
    [InlineData("""{"type":"string","format":"time","pattern":"^([01]\\d|2[0-3]):[0-5]\\d$"}""", "\"23:59:00Z\"", false)]
    [InlineData("""{"type":"string","format":"byte"}""", "\"any text\"", true)]
    [InlineData("""{"format":"email"}""", "13.7", true)]
    [InlineData("""{"type":"number","minimum":0.1,"maximum":0.9}""", "0.90", true)]
    [InlineData("""{"type":"number","minimum":0.1,"maximum":0.9}""", "0.09", false)]
    [InlineData("""{"type":"number","minimum":0.1,"maximum":0.9}""", "0.901", false)]
    [InlineData("""{"type":"number","exclusiveMinimum":-2.5,"exclusiveMaximum":-0.25}""", "-0.25", false)]
    [InlineData("""{"type":"number","exclusiveMinimum":-2.5,"exclusiveMaximum":-0.25}""", "-2.49", true)]
    [InlineData("""{"type":"number","exclusiveMinimum":-2.5,"exclusiveMaximum":-0.25}""", "-2.50", false)]
    [InlineData("""{"type":"integer","minimum":0,"maximum":18446744073709551615}""", "18446744073709551615", true)]
    [InlineData("""{"type":"integer","minimum":0,"maximum":18446744073709551615}""", "18446744073709551616", false)]
    [InlineData("""{"type":"integer","minimum":-9223372036854775808}""", "-9223372036854775808", true)]
    [InlineData("""{"type":"integer","minimum":-9223372036854775808}""", "-9223372036854775809", false)]
    [InlineData("""{"type":"number","minimum":0,"exclusiveMinimum":true}""", "0", false)]
    [InlineData("""{"type":"integer","exclusiveMinimum":0}""", "0", false)]
    [InlineData("""{"type":"integer","exclusiveMaximum":0}""", "0", false)]
    [InlineData("""{"type":"number","exclusiveMinimum":0}""", "0.001", true)]
    [InlineData("""{"type":"number","exclusiveMaximum":0}""", "-0.001", true)]
    [InlineData("""{"type":"number","multipleOf":0.01}""", "19.99", true)]
    [InlineData("""{"type":"number","multipleOf":0.01}""", "19.990", true)]
    [InlineData("""{"type":"number","multipleOf":0.01}""", "19.999", false)]
    [InlineData("""{"type":"integer","multipleOf":5,"minimum":0,"maximum":20}""", "25", false)]
    [InlineData("""{"enum":[1,"a",2.50,null],"not":{"const":"a"},"type":["number","string"]}""", "2.5", true)]
    [InlineData("""{"enum":[1,"a",2.50,null],"not":{"const":"a"},"type":["number","string"]}""", "\"a\"", false)]
    [InlineData("""{"type":"array","items":[{"type":"string"},{"type":"integer"}],"additionalItems":false}""", """["a",1]""", true)]
    [InlineData("""{"type":"array","items":[{"type":"string"},{"type":"integer"}],"additionalItems":false}""", """["a",1,2]""", false)]
    [InlineData("""{"type":"array","items":{"enum":["a","b"]},"uniqueItems":true}""", """["b","a"]""", true)]
    [InlineData("""{"type":"array","items":{"enum":["a","b"]},"uniqueItems":true}""", """["b","b"]""", false)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"contains":{"const":7},"maxContains":1}""", "[1,7,2]", true)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"contains":{"const":7},"maxContains":1}""", "[7,7]", false)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"contains":{"const":7},"maxContains":1}""", "[1]", false)]
    [InlineData("""{"type":"string","maxLength":65536}""", "\"abc\"", true)]
    [InlineData("""{"type":"object","properties":{"k":{"type":"string"},"n":{"type":"integer"}},"required":["k"],"if":{"properties":{"k":{"const":"n"}}},"then":{"required":["n"]},"else":{"properties":{"n":false}}}""", """{"k":"n","n":1}""", true)]
    [InlineData("""{"type":"object","properties":{"k":{"type":"string"},"n":{"type":"integer"}},"required":["k"],"if":{"properties":{"k":{"const":"n"}}},"then":{"required":["n"]},"else":{"properties":{"n":false}}}""", """{"k":"n"}""", false)]
    [InlineData("""{"type":"object","properties":{"k":{"type":"string"},"n":{"type":"integer"}},"required":["k"],"if":{"properties":{"k":{"const":"n"}}},"then":{"required":["n"]},"else":{"properties":{"n":false}}}""", """{"k":"m","n":1}""", false)]
    [InlineData("""{"$ref":"#n","$defs":{"n":{"$anchor":"n","type":"integer"}}}""", "4", true)]
    [InlineData("""{"properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"$id":"/b","$ref":"#/$defs/c","$defs":{"c":{"type":"null"}}}}}""", """{"a":null}""", true)]
    public void Schemas_take_what_they_describe(string schema, string json, bool accepted) =>
        Assert.Equal(accepted, Walk.Accepts(Walk.Over(OutputConstraint.JsonSchema(schema), Walk.Bytes), json));

    [Fact]
    public void What_is_not_supported_can_be_left_out_with_a_warning()
    {
        const string schema = """{"type":"object","properties":{"tags":{"type":"array","items":{"type":"string"},"uniqueItems":true},"code":{"type":"string","pattern":"(a)\\1","maxLength":3}},"required":["tags","code"]}""";
        Assert.Contains("$.properties.code.pattern", Assert.Throws<InvalidRequestException>(() => OutputConstraint.JsonSchema(schema)).Message + Assert.Throws<InvalidRequestException>(() => OutputConstraint.JsonSchema(schema.Replace("uniqueItems", "x-unique", StringComparison.Ordinal))).Message);
        OutputConstraint constraint = OutputConstraint.JsonSchema(schema, SchemaStrictness.BestEffort);
        Assert.Equal(2, constraint.Warnings.Count);
        Assert.Contains(constraint.Warnings, warning => warning.Contains("$.properties.tags.uniqueItems", StringComparison.Ordinal));
        Assert.Contains(constraint.Warnings, warning => warning.Contains("$.properties.code.pattern", StringComparison.Ordinal));
        TokenAutomaton automaton = Walk.Over(constraint, Walk.Bytes);
        Assert.True(Walk.Accepts(automaton, """{"tags":["a","a"],"code":"xyz"}"""));
        Assert.False(Walk.Accepts(automaton, """{"tags":["a","a"],"code":"wxyz"}"""));
        Assert.Empty(OutputConstraint.JsonSchema("""{"type":"string"}""", SchemaStrictness.BestEffort).Warnings);
    }

    [Fact]
    public void Names_of_properties_are_told_from_additional_ones_in_every_spelling()
    {
        Random random = new(5);
        TokenAutomaton automaton = Walk.Over(OutputConstraint.JsonSchema("""{"type":"object","properties":{"\"":{"type":"null"},"\\":{"type":"null"},"a\nb":{"type":"null"},"é":{"type":"null"}},"additionalProperties":{"type":"integer"}}"""), Walk.Bytes);
        foreach (string name in (string[])["\"", "\\", "a\nb", "é"])
        {
            for (int i = 0; i < 20; i++)
            {
                string spelled = string.Concat(name.Select(c => random.Next(2) == 0 || c is '"' or '\\' or '\n' ? $"\\u{(int)c:x4}" : c.ToString()));
                Assert.False(Walk.Accepts(automaton, $$"""{"{{spelled}}":1}"""), spelled);
            }
            Assert.True(Walk.Accepts(automaton, $$"""{{{JsonRules.TextOf(name + "x")}}:1}"""));
        }
    }

    [Theory]
    [InlineData("{", "not JSON at line 1")]
    [InlineData("""{"type":"object","type":"object"}""", "not JSON")]
    [InlineData("[]", "$: it is [] and must be an object")]
    [InlineData("""{"type":"text"}""", "$.type: it is \"text\" and must be one of object")]
    [InlineData("""{"properties":{"a":{"items":{"multipleOf":123.456}}}}""", "$.properties.a.items.multipleOf: multiples of 123.456")]
    [InlineData("""{"type":"array","uniqueItems":true}""", "$.uniqueItems: uniqueItems is supported where items are from a list")]
    [InlineData("""{"type":"object","patternProperties":{"(a)\\1":{}}}""", "back-references")]
    [InlineData("""{"not":{"unevaluatedProperties":false}}""", "$.not.unevaluatedProperties")]
    [InlineData("""{"properties":{"a":{"type":"object","required":["b"],"not":{"required":["b"]}}},"required":["a"]}""", "$.properties.a: no value fits it")]
    [InlineData("""{"properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{"not":{"allOf":[{"$ref":"#/$defs/b"}]}}}}""", "comes back to itself")]
    [InlineData("""{"anyOf":[{"$id":"x","type":"null"},{"$id":"x","type":"boolean"}]}""", "two schemas have the $id 'x'")]
    [InlineData("""{"$defs":{"a":{"$anchor":"x","type":"null"},"b":{"$anchor":"x","type":"boolean"}}}""", "two schemas have the anchor 'x'")]
    [InlineData("""{"$ref":"http://x/y"}""", "leads out of the document")]
    [InlineData("""{"$ref":"#/$defs/a"}""", "names nothing")]
    [InlineData("""{"$ref":"#"}""", "comes back to itself")]
    [InlineData("""{"type":"string","pattern":"(?>a)"}""", "$.pattern, character 3: atomic")]
    [InlineData("""{"type":"string","minLength":3,"maxLength":2}""", "$: no value fits it")]
    [InlineData("""{"type":"string","minLength":70000}""", "70000 is more than the 65536")]
    [InlineData("""{"type":"integer","minimum":3,"maximum":2}""", "$: no value fits it")]
    [InlineData("""{"type":"integer","minimum":1e30}""", "fits no text")]
    [InlineData("""{"type":"number","minimum":1e-20}""", "$.minimum: the bound 1e-20 has more than 14 digits")]
    [InlineData("""{"type":"array","minItems":3,"maxItems":2}""", "$: no value fits it")]
    [InlineData("""{"type":"array","minItems":100000}""", "is more than the 10000")]
    [InlineData("""{"enum":[]}""", "$: no value fits it")]
    [InlineData("""{"anyOf":[]}""", "at least one schema")]
    [InlineData("""{"properties":{"a":{}},"required":["b"],"additionalProperties":false}""", "'b' is required and ruled out")]
    [InlineData("""false""", "$: no value fits it")]
    [InlineData("""{"properties":{"a":{"$ref":"#"}},"required":["a"]}""", "fits no text")]
    [InlineData("""{"enum":["a"],"minLength":3}""", "$: no value fits it")]
    [InlineData("""{"const":"\ud800"}""", "surrogate")]
    public void What_is_wrong_is_named_with_its_path(string schema, string says) =>
        Assert.Contains(says, Assert.Throws<InvalidRequestException>(() => OutputConstraint.JsonSchema(schema)).Message);
}
