using System.Text.Encodings.Web;
using System.Text.Json;
using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

/// <summary>Schemas as libraries, APIs and tools write them, one a line: what must fit, what must not, and what is drawn.</summary>
public sealed class RealSchemaTests
{
    private static readonly JsonSerializerOptions s_compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Dictionary<string, JsonElement> s_cases = File.ReadLines(Path.Combine(TestData.Root, "tests", "Coppice.Tests", "Constraints", "real-schemas.jsonl"))
        .Select(line => JsonDocument.Parse(line).RootElement).ToDictionary(one => one.GetProperty("from").GetString()!, StringComparer.Ordinal);

    public static TheoryData<string> Names => [.. s_cases.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Schemas_of_real_clients_are_kept_to(string from)
    {
        JsonElement one = s_cases[from];
        string schema = one.GetProperty("schema").GetRawText();
        TokenAutomaton automaton = Walk.Over(OutputConstraint.JsonSchema(schema), Walk.Bytes);
        bool isForeign = one.TryGetProperty("foreign", out _);   // keywords of other drafts and of OpenAPI, which the oracle refuses
        foreach (JsonElement value in one.GetProperty("yes").EnumerateArray())
        {
            Assert.True(Walk.Accepts(automaton, JsonSerializer.Serialize(value, s_compact)), value.GetRawText());
            Assert.True(isForeign || SchemaOracle.Accepts(schema, value), value.GetRawText());
        }
        foreach (JsonElement value in one.GetProperty("no").EnumerateArray()) Assert.False(Walk.Accepts(automaton, JsonSerializer.Serialize(value, s_compact)), value.GetRawText());
        Random random = new(3);
        for (int i = 0; i < 12; i++)
        {
            if (Walk.Draw(automaton, Walk.Bytes, random, 300) is not string answer) continue;
            using JsonDocument value = JsonDocument.Parse(answer);
            Assert.True(isForeign || SchemaOracle.Accepts(schema, value.RootElement), answer);
        }
    }
}
