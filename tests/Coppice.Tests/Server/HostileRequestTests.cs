using System.Text.Json;
using Coppice.Server;

namespace Coppice.Tests.Server;

/// <summary>Requests that are made to hurt, beside one that wants its answer.</summary>
public sealed class HostileRequestTests
{
    private const string Chat = "/v1/chat/completions", Completions = "/v1/completions";

    public static TheoryData<string, string, string, int> Requests => new()
    {
        { "a pattern that counts", Completions, Constrained("""{"type":"string","pattern":"^((a{1,1000}){1,1000}){1,1000}$"}"""), 0 },
        { "a pattern that backtracks", Completions, Constrained("""{"type":"string","pattern":"^(a|a|aa)*b$","maxLength":20}"""), 0 },
        { "a schema that refers to itself", Completions, Constrained("""{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}"""), 400 },
        { "a schema that is large", Completions, Constrained($$"""{"description":"{{new string('a', 300_000)}}"}"""), 400 },
        { "a grammar that doubles", Completions, $$"""{"prompt":"a","max_tokens":4,"grammar":{{JsonSerializer.Serialize("root ::= r0\n" + string.Concat(Enumerable.Range(0, 20).Select(i => $"r{i} ::= r{i + 1} r{i + 1} \"b\"?\n")) + "r20 ::= \"a\"?")}}}""", 400 },
        { "a template argument that is long", Chat, $$$"""{"messages":[{"role":"user","content":"a"}],"max_tokens":1,"chat_template_kwargs":{"items":[{{{string.Join(',', Enumerable.Range(0, 20_000))}}}]}}""", 400 },
        { "a template argument that is deep", Chat, $$$"""{"messages":[{"role":"user","content":"a"}],"max_tokens":1,"chat_template_kwargs":{"x":{{{new string('[', 60) + new string(']', 60)}}}}}""", 0 },
        { "ten million letters", Completions, $$"""{"prompt":"{{new string('x', 10_000_000)}}"}""", 400 },
        { "ten million spaces", Completions, $$"""{"prompt":"{{new string(' ', 10_000_000)}}"}""", 400 },
        { "a chat of ten million", Chat, $$"""{"messages":[{"role":"user","content":"{{string.Concat(Enumerable.Repeat("<s>a\u00e9", 1_500_000))}}"}]}""", 400 },
    };

    /// <param name="what">What hurts.</param>
    /// <param name="path">Where it is sent.</param>
    /// <param name="body">The request.</param>
    /// <param name="status">What it is answered; 0 where an answer is as good as an error that names the reason.</param>
    [Theory, MemberData(nameof(Requests), DisableDiscoveryEnumeration = true)]
    public async Task A_hostile_request_ends_and_its_neighbour_has_the_same_bits(string what, string path, string body, int status)
    {
        // The template goes over its argument as often as it is long: squared, as a hostile argument would have it.
        const string Template = "{% for a in items or [] %}{% for b in items %}{{ b }}{% endfor %}{% endfor %}{% for m in messages %}{{ m.content }}{% endfor %}";
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Limits = new ServerLimits { BodyBytes = 16 << 20 } }, chatTemplate: Template);
        const string Neighbour = """{"prompt":"The prince looked at","seed":4,"max_tokens":400,"ignore_eos":true,"stream":true,"logprobs":1}""";
        string alone = Text(await server.StreamAsync(Completions, Neighbour));
        Task<(int Status, JsonElement Json)> hostile = Task.Run(() => server.AskAsync(path, body));
        do Assert.Equal(alone, Text(await server.StreamAsync(Completions, Neighbour)));
        while (!hostile.IsCompleted);

        (int actual, JsonElement answer) = await hostile;
        Assert.True(actual == status || (status == 0 && actual is 200 or 400), $"{what}: {actual} {answer}");
        if (actual == 400) Assert.NotEmpty(answer.GetProperty("error").GetProperty("message").GetString()!);
        await server.ExpectRestAsync();
    }

    private static string Constrained(string schema) => "{\"prompt\":\"a\",\"max_tokens\":4,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":" + schema + "}}}";

    private static string Text(List<JsonElement> events) => string.Concat(events.Select(e => e.GetProperty("choices")[0].GetRawText()));
}
