using System.Text.Json;
using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

public sealed class SchemaTests
{
    [Fact]
    public void What_is_drawn_from_random_schemas_validates()
    {
        Random random = new(11);
        int ended = 0, drawn = 0;
        for (int i = 0; i < 120; i++)
        {
            string schema = RandomSchema.Make(random);
            TokenAutomaton automaton = Walk.Over(OutputConstraint.JsonSchema(schema), Walk.Bytes);
            using JsonDocument document = JsonDocument.Parse(schema);
            SmallValidator validator = new(document.RootElement);
            for (int j = 0; j < 3; j++, drawn++)
            {
                if (Walk.Draw(automaton, Walk.Bytes, random) is not string answer) continue;
                ended++;
                using JsonDocument value = JsonDocument.Parse(answer);
                Assert.True(validator.IsValid(value.RootElement), $"{schema}\n{answer}");
            }
        }
        Assert.True(ended > drawn * 3 / 4, $"{ended} of {drawn} ended");
    }

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
    public void Schemas_take_what_they_describe(string schema, string json, bool accepted) =>
        Assert.Equal(accepted, Walk.Accepts(Walk.Over(OutputConstraint.JsonSchema(schema), Walk.Bytes), json));

    [Theory]
    [InlineData("{", "not JSON at line 1")]
    [InlineData("""{"type":"object","type":"object"}""", "not JSON")]
    [InlineData("[]", "$: it is [] and must be an object")]
    [InlineData("""{"type":"text"}""", "$.type: it is \"text\" and must be one of object")]
    [InlineData("""{"properties":{"a":{"items":{"multipleOf":3}}}}""", "$.properties.a.items: the keyword 'multipleOf' is not supported")]
    [InlineData("""{"type":"array","uniqueItems":true}""", "'uniqueItems' is not supported")]
    [InlineData("""{"patternProperties":{}}""", "'patternProperties' is not supported")]
    [InlineData("""{"$ref":"http://x/y"}""", "leads out of the document")]
    [InlineData("""{"$ref":"#/$defs/a"}""", "names nothing")]
    [InlineData("""{"$ref":"#"}""", "comes back to itself")]
    [InlineData("""{"type":"string","pattern":"(?>a)"}""", "$.pattern, character 3: atomic")]
    [InlineData("""{"type":"string","format":"regex"}""", "one of the formats supported")]
    [InlineData("""{"type":"string","pattern":"a","minLength":3}""", "only one is supported")]
    [InlineData("""{"type":"string","minLength":3,"maxLength":2}""", "must not be less")]
    [InlineData("""{"type":"integer","minimum":3,"maximum":2}""", "no whole number fits")]
    [InlineData("""{"type":"integer","minimum":1e30}""", "is beyond")]
    [InlineData("""{"type":"number","minimum":0.5}""", "not whole")]
    [InlineData("""{"type":"array","minItems":3,"maxItems":2}""", "must not be less")]
    [InlineData("""{"type":"array","maxItems":100000}""", "is more than the 10000")]
    [InlineData("""{"type":"array","items":[{}]}""", "prefixItems")]
    [InlineData("""{"enum":[]}""", "no value of enum")]
    [InlineData("""{"anyOf":[]}""", "at least one schema")]
    [InlineData("""{"properties":{"a":{}},"required":["b"],"additionalProperties":false}""", "'b' is required")]
    [InlineData("""false""", "fits no text")]
    [InlineData("""{"properties":{"a":{"$ref":"#"}},"required":["a"]}""", "fits no text")]
    [InlineData("""{"enum":["a"],"minLength":3}""", "'minLength' beside enum")]
    [InlineData("""{"const":"\ud800"}""", "surrogate")]
    public void What_is_wrong_is_named_with_its_path(string schema, string says) =>
        Assert.Contains(says, Assert.Throws<InvalidRequestException>(() => OutputConstraint.JsonSchema(schema)).Message);
}
