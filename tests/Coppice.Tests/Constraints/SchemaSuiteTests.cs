using System.Text.Encodings.Web;
using System.Text.Json;
using Coppice.Constraints;
using Xunit.Abstractions;

namespace Coppice.Tests.Constraints;

/// <summary>The public JSON-Schema-Test-Suite, draft 2020-12: what constraints take of it, and that they accept nothing that is invalid.</summary>
public sealed class SchemaSuiteTests(ITestOutputHelper output)
{
    private static readonly JsonSerializerOptions s_compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string Folder => TestData.Shared("testdata/json-schema-test-suite");

    [SharedFact]
    public void No_invalid_instance_is_accepted_and_most_valid_ones_can_be_produced()
    {
        int groups = 0, taken = 0, valid = 0, produced = 0;
        List<string> wrong = [], refused = [], missed = [];
        foreach (string file in Directory.EnumerateFiles(Folder, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(file), new JsonDocumentOptions { MaxDepth = 256 });
            foreach (JsonElement group in document.RootElement.EnumerateArray())
            {
                groups++;
                string name = $"{Path.GetFileNameWithoutExtension(file)}: {group.GetProperty("description").GetString()}";
                TokenAutomaton automaton;
                try
                {
                    automaton = Walk.Over(OutputConstraint.JsonSchema(group.GetProperty("schema").GetRawText()), Walk.Bytes);
                }
                catch (InvalidRequestException error)
                {
                    refused.Add($"{name}: {error.Message}");
                    continue;
                }
                taken++;
                foreach (JsonElement test in group.GetProperty("tests").EnumerateArray())
                {
                    string instance = JsonSerializer.Serialize(test.GetProperty("data"), s_compact);
                    bool accepts = Walk.Accepts(automaton, instance);
                    bool isValid = test.GetProperty("valid").GetBoolean();
                    if (accepts && !isValid) wrong.Add($"{name}: {instance}");
                    if (!isValid) continue;
                    valid++;
                    if (accepts) produced++;
                    else missed.Add($"{name}: {instance}");
                }
            }
        }
        foreach (string line in refused) output.WriteLine($"refused  {line}");
        foreach (string line in missed) output.WriteLine($"missed   {line}");
        output.WriteLine($"{taken} of {groups} groups taken, {produced} of {valid} valid instances can be produced");
        Assert.Empty(wrong);
        // Groups that no instance of the suite fits are refused as contradictions; those that refer to other documents are never read.
        Assert.Equal((433, 391, 803, 719), (groups, taken, valid, produced));
    }
}
