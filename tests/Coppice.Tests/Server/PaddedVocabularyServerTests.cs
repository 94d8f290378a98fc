using System.Text;
using System.Text.Json;
using Coppice.Server;

namespace Coppice.Tests.Server;

/// <summary>The wire over a model whose tokenizer has fewer tokens than the model has rows.</summary>
public sealed class PaddedVocabularyServerTests(CutModels models) : IClassFixture<CutModels>
{
    [SharedTheory]
    [InlineData(CutModels.Folder), InlineData(CutModels.Gguf), InlineData(CutModels.Padded)]
    public async Task Requests_are_answered_without_the_missing_tokens_and_refused_with_them(string model)
    {
        using Engine engine = models.Open(model);
        await using CoppiceServer server = await CoppiceServer.StartAsync(engine, "cut", new ServerOptions { Port = 0 }, _ => { });
        using HttpClient client = new() { BaseAddress = server.Address };
        const string common = "\"max_tokens\":60,\"temperature\":2,\"seed\":5,\"ignore_eos\":true";

        JsonElement answer = await AskAsync(client, "completions", $$"""{"prompt":[1,265,280],"n":8,"logprobs":5,"echo":true,{{common}}}""", 200);
        Assert.Equal(8, answer.GetProperty("choices").GetArrayLength());
        Assert.All(answer.GetProperty("choices").EnumerateArray(), choice => Assert.Equal(3 + 60, choice.GetProperty("logprobs").GetProperty("tokens").GetArrayLength()));
        await AskAsync(client, "completions", $$"""{"prompt":"a","n":8,"grammar":"root ::= [^x]{5,40}",{{common}}}""", 200);
        string events = await PostAsync(client, "completions", $$"""{"prompt":"a","n":8,"stream":true,"logprobs":5,{{common}}}""", 200);
        Assert.EndsWith("data: [DONE]\n\n", events, StringComparison.Ordinal);
        Assert.DoesNotContain("error", events, StringComparison.Ordinal);

        foreach ((string path, string body) in ((string, string)[])
        [
            ("completions", """{"prompt":[1,450],"max_tokens":1}"""),
            ("completions", """{"prompt":[1,450],"max_tokens":1,"echo":true,"logprobs":1}"""),
            ("completions", """{"prompt":"a","max_tokens":1,"logit_bias":{"450":5}}"""),
            ("completions", """{"prompt":"a","max_tokens":1,"stop_token_ids":[450]}"""),
            ("embeddings", """{"input":[1,450]}"""),
        ])
        {
            JsonElement refused = await AskAsync(client, path, body, 400);
            Assert.Contains("450, which is beyond the tokenizer's 400 tokens", refused.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        }
        await server.StopAsync();
    }

    private static async Task<JsonElement> AskAsync(HttpClient client, string path, string body, int status) =>
        JsonDocument.Parse(await PostAsync(client, path, body, status)).RootElement;

    private static async Task<string> PostAsync(HttpClient client, string path, string body, int status)
    {
        using StringContent content = new(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await client.PostAsync($"/v1/{path}", content);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, text);
        return text;
    }
}
