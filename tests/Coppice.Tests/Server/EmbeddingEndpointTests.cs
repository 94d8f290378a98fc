using System.ClientModel;
using System.Runtime.InteropServices;
using System.Text.Json;
using OpenAI;
using OpenAI.Embeddings;

namespace Coppice.Tests.Server;

public sealed class EmbeddingEndpointTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Path = "/v1/embeddings";
    private readonly RunningServer _server = fixture.Running;

    [Fact]
    public async Task OpenAIs_client_gets_the_librarys_bits()
    {
        EmbeddingClient client = new OpenAIClient(new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(_server.Server.Address, "/v1") }).GetEmbeddingClient("sample");
        OpenAIEmbeddingCollection answer = await client.GenerateEmbeddingsAsync(["The prince looked at", "Who?"]);
        int tokens = 0;
        foreach ((string text, OpenAIEmbedding embedding) in ((string[])["The prince looked at", "Who?"]).Zip(answer))
        {
            int[] encoded = _server.Engine.Tokenizer.Encode(text);
            tokens += encoded.Length;
            Assert.Equal((await _server.Engine.EmbedAsync(encoded)).Values, embedding.ToFloats().ToArray());
        }

        Assert.Equal((tokens, tokens, "sample"), (answer.Usage.InputTokenCount, answer.Usage.TotalTokenCount, answer.Model));
    }

    [Fact]
    public async Task Inputs_are_texts_and_tokens_and_numbers_come_in_two_forms()
    {
        int[] tokens = _server.Engine.Tokenizer.Encode("The prince");
        float[] expected = [.. (await _server.Engine.EmbedAsync(tokens, new EmbedOptions { Pooling = EmbeddingPooling.Last })).Values];
        string list = JsonSerializer.Serialize(tokens);
        foreach (string input in (string[])["\"The prince\"", "[\"The prince\"]", list, $"[{list}]"])
        {
            (int status, JsonElement answer) = await _server.AskAsync(Path, $$"""{"input":{{input}},"pooling":"last","model":"sample","dimensions":{{expected.Length}}}""");
            Assert.Equal(200, status);
            JsonElement one = Assert.Single(answer.GetProperty("data").EnumerateArray());
            Assert.Equal(expected, one.GetProperty("embedding").EnumerateArray().Select(value => value.GetSingle()));
            Assert.Equal(("embedding", 0), (one.GetProperty("object").GetString(), one.GetProperty("index").GetInt32()));
        }

        (_, JsonElement base64) = await _server.AskAsync(Path, $$"""{"input":{{list}},"pooling":"last","encoding_format":"base64"}""");
        Assert.Equal(expected, MemoryMarshal.Cast<byte, float>(base64.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64()).ToArray());
    }

    [Theory]
    [InlineData("{}", "input")]
    [InlineData("""{"input":[]}""", "input")]
    [InlineData("""{"input":"a","dimensions":3}""", "dimensions")]
    [InlineData("""{"input":"a","encoding_format":"int8"}""", "encoding_format")]
    [InlineData("""{"input":[1,99999]}""", "input")]
    [InlineData("""{"input":"a","pooling":"max"}""", "pooling")]
    [InlineData("""{"input":"a","n":2}""", "n")]
    public async Task What_does_not_fit_is_refused_by_name(string body, string param)
    {
        (int status, JsonElement answer) = await _server.AskAsync(Path, body);
        Assert.Equal((400, param), (status, answer.GetProperty("error").GetProperty("param").GetString()));
    }

    [SharedFact]
    public async Task Every_field_of_OpenAIs_description_is_known()
    {
        List<string> fields = OpenAiDescription.Properties("CreateEmbeddingRequest");
        Assert.Contains("encoding_format", fields);
        foreach (string field in fields)
        {
            (int status, JsonElement answer) = await _server.AskAsync(Path, $$"""{"{{field}}":[[[1]]]}""");
            Assert.Equal((400, true), (status, answer.GetProperty("error").GetProperty("code").GetString() != "unknown_parameter"));
        }
    }
}
