using System.Text.Json;

namespace Coppice.Tests.Server;

/// <summary>Requests that ask for no tokens: their prompts are computed for requests to come.</summary>
public sealed class PrefillTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private readonly RunningServer _server = fixture.Running;

    [Theory]
    [InlineData("/v1/completions", """ "prompt":[1,200,201,202,203,204,205,206,207,208,209,210,211,212,213,214,215,216,217,218] """, """ "max_tokens":0,"n":2 """)]
    [InlineData("/v1/completions", """ "prompt":[2,200,201,202,203,204,205,206,207,208,209,210,211,212,213,214,215,216,217,218] """, """ "max_tokens":0,"n":2,"logprobs":3 """)]
    [InlineData("/v1/chat/completions", """ "messages":[{"role":"user","content":"A long enough question about the prince and the castle of Rome."}] """, """ "max_tokens":0,"n":2 """)]
    [InlineData("/v1/chat/completions", """ "messages":[{"role":"user","content":"Another long enough question about the prince and the castle."}] """, """ "max_completion_tokens":0,"n":2 """)]
    public async Task A_prompt_is_computed_and_stays_in_the_cache(string path, string prompt, string fields)
    {
        (int status, JsonElement answer) = await _server.AskAsync(path, $"{{{prompt},{fields}}}");
        Assert.Equal(200, status);
        JsonElement usage = answer.GetProperty("usage");
        Assert.Equal(0, usage.GetProperty("completion_tokens").GetInt32());
        Assert.InRange(usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32(), 0, 15);       // a page at most, of another test
        Assert.Equal(2, answer.GetProperty("choices").GetArrayLength());
        Assert.All(answer.GetProperty("choices").EnumerateArray(), choice =>
        {
            Assert.Equal("length", choice.GetProperty("finish_reason").GetString());
            Assert.Equal("", (choice.TryGetProperty("text", out JsonElement text) ? text : choice.GetProperty("message").GetProperty("content")).GetString());
        });

        (_, JsonElement next) = await _server.AskAsync(path, $"{{{prompt},\"max_tokens\":1}}");
        Assert.InRange(next.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32(), 16, usage.GetProperty("prompt_tokens").GetInt32());

        List<JsonElement> events = await _server.StreamAsync(path, $"{{{prompt},{fields},\"stream\":true,\"stream_options\":{{\"include_usage\":true}}}}");
        Assert.Equal(["length", "length"], events.SkipLast(1).Select(one => one.GetProperty("choices")[0].GetProperty("finish_reason").GetString()));
        Assert.Equal(0, events[^1].GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        await _server.ExpectRestAsync();
    }

    [Fact]
    public async Task The_longest_prompt_leaves_no_room_for_an_answer_and_needs_none()
    {
        string prompt = string.Join(',', Enumerable.Repeat(300, _server.Engine.Options.MaxContextTokens!.Value));
        Assert.Equal(200, (await _server.AskAsync("/v1/completions", $$"""{"prompt":[{{prompt}}],"max_tokens":0}""")).Status);
        Assert.Equal(400, (await _server.AskAsync("/v1/completions", $$"""{"prompt":[{{prompt}}],"max_tokens":1}""")).Status);
        await _server.ExpectRestAsync();
    }

    [Fact]
    public void A_stream_of_no_tokens_is_refused_by_the_library() =>
        Assert.Contains("CompleteAsync", Assert.Throws<InvalidRequestException>(() => _server.Engine.GenerateAsync("a", new GenerateOptions { MaxTokens = 0 })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"prompt":"Q: 😀😀😀 is","echo":true,"max_tokens":3,"logprobs":0,"temperature":0,"ignore_eos":true}""")]
    [InlineData("""{"prompt":"Q: 😀😀😀 is","max_tokens":3,"logprobs":0,"temperature":0,"ignore_eos":true,"logit_bias":{"243":100}}""")]
    public async Task Offsets_are_the_same_in_a_stream_and_count_what_a_client_counts(string body)
    {
        JsonElement choice = (await _server.AskAsync("/v1/completions", body)).Json.GetProperty("choices")[0];
        int[] offsets = [.. choice.GetProperty("logprobs").GetProperty("text_offset").EnumerateArray().Select(offset => offset.GetInt32())];
        int[] streamed = [.. (await _server.StreamAsync("/v1/completions", body[..^1] + ",\"stream\":true}")).SelectMany(one => one.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("text_offset").EnumerateArray()).Select(offset => offset.GetInt32())];
        Assert.Equal(offsets, streamed);
        Assert.InRange(offsets[^1], 0, choice.GetProperty("text").GetString()!.EnumerateRunes().Count());
        if (body.Contains("echo", StringComparison.Ordinal)) Assert.Equal("Q: 😀😀😀 is".EnumerateRunes().Count(), offsets[^3]);
    }

    [Fact]
    public async Task A_property_that_stands_twice_is_named()
    {
        (int status, JsonElement answer) = await _server.AskAsync("/v1/completions", """{"prompt":"a","prompt":"b"}""");
        Assert.Equal((400, "The body is not JSON that can be read: Duplicate property 'prompt' in one object."), (status, answer.GetProperty("error").GetProperty("message").GetString()));
    }
}
