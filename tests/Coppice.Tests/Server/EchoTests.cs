using System.Text.Json;

namespace Coppice.Tests.Server;

public sealed class EchoTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Prompt = "The prince looked at her. The code for Rome is 468.";

    private readonly RunningServer _server = fixture.Running;

    [Fact]
    public async Task A_prompt_alone_is_scored_with_the_bits_of_the_library()
    {
        JsonElement answer = await OkAsync($$"""{"prompt":"{{Prompt}}","echo":true,"max_tokens":0,"logprobs":2}""");
        JsonElement choice = answer.GetProperty("choices")[0], logProbs = choice.GetProperty("logprobs");
        int[] tokens = _server.Engine.Tokenizer.Encode(Prompt);
        ScoreResult scores = await _server.Engine.ScoreAsync(tokens, 1, new ScoreOptions { TopLogProbs = 2 });
        Assert.Equal((Prompt, "length"), (choice.GetProperty("text").GetString(), choice.GetProperty("finish_reason").GetString()));
        Assert.Equal((tokens.Length, 0), (answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32()));
        Assert.Equal(tokens.Length, logProbs.GetProperty("tokens").GetArrayLength());
        Assert.Equal(JsonValueKind.Null, logProbs.GetProperty("token_logprobs")[0].ValueKind);
        Assert.Equal(JsonValueKind.Null, logProbs.GetProperty("top_logprobs")[0].ValueKind);
        Assert.Equal(scores.Tokens.Select(token => token.LogProb.LogProb), logProbs.GetProperty("token_logprobs").EnumerateArray().Skip(1).Select(value => value.GetSingle()));
        Assert.All(logProbs.GetProperty("top_logprobs").EnumerateArray().Skip(1), top => Assert.InRange(top.EnumerateObject().Count(), 1, 3));
    }

    [Fact]
    public async Task Offsets_point_at_the_tokens_in_the_text()
    {
        JsonElement choice = (await OkAsync($$"""{"prompt":"{{Prompt}}","echo":true,"max_tokens":5,"logprobs":0,"temperature":0,"ignore_eos":true}""")).GetProperty("choices")[0], logProbs = choice.GetProperty("logprobs");
        string text = choice.GetProperty("text").GetString()!;
        string[] tokens = [.. logProbs.GetProperty("tokens").EnumerateArray().Select(token => token.GetString()!)];
        int[] offsets = [.. logProbs.GetProperty("text_offset").EnumerateArray().Select(offset => offset.GetInt32())];
        int shown = Array.FindLastIndex(offsets, offset => offset == 0);        // a beginning of text stands for nothing
        Assert.InRange(shown, 0, 1);
        for (int i = shown; i < tokens.Length; i++)
            Assert.Equal(i == shown ? tokens[i].TrimStart() : tokens[i], text[offsets[i]..(i + 1 < tokens.Length ? offsets[i + 1] : text.Length)]);
    }

    [Fact]
    public async Task An_answer_behind_its_prompt_is_the_same_answer()
    {
        JsonElement alone = (await OkAsync($$"""{"prompt":"{{Prompt}}","max_tokens":6,"temperature":0,"logprobs":0}""")).GetProperty("choices")[0];
        JsonElement echoed = (await OkAsync($$"""{"prompt":"{{Prompt}}","max_tokens":6,"temperature":0,"logprobs":0,"echo":true}""")).GetProperty("choices")[0];
        Assert.Equal(Prompt + alone.GetProperty("text").GetString(), echoed.GetProperty("text").GetString());
        float[] expected = [.. alone.GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray().Select(value => value.GetSingle())];
        Assert.Equal(expected, echoed.GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray().TakeLast(expected.Length).Select(value => value.GetSingle()));
        JsonElement bare = (await OkAsync($$"""{"prompt":"{{Prompt}}","max_tokens":6,"temperature":0,"echo":true}""")).GetProperty("choices")[0];
        Assert.Equal(echoed.GetProperty("text").GetString(), bare.GetProperty("text").GetString());
        Assert.Equal(JsonValueKind.Null, bare.GetProperty("logprobs").ValueKind);
    }

    [Fact]
    public async Task Lists_of_texts_and_of_tokens_are_scored_each()
    {
        int[] ids = _server.Engine.Tokenizer.Encode(" a b c");
        JsonElement texts = await OkAsync("""{"prompt":["one two three"," a b c"],"echo":true,"max_tokens":0,"logprobs":1,"n":2}""");
        JsonElement tokens = await OkAsync($$"""{"prompt":[[{{string.Join(',', ids)}}],[{{ids[0]}}]],"echo":true,"max_tokens":0,"logprobs":1}""");
        Assert.Equal(["one two three", "one two three", " a b c", " a b c"], texts.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString()));
        Assert.Equal([0, 1, 2, 3], texts.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("index").GetInt32()));
        Assert.Equal(LogProbs(texts, 2), LogProbs(tokens, 0));
        Assert.Single(LogProbs(tokens, 1));

        static IEnumerable<string> LogProbs(JsonElement answer, int choice) => answer.GetProperty("choices")[choice].GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray().Select(value => value.GetRawText());
    }

    [Fact]
    public async Task The_best_of_several_answers_are_those_of_the_highest_log_probability_per_token()
    {
        const string common = $$"""
            "prompt":"{{Prompt}}","max_tokens":5,"seed":7,"temperature":1.2,"logprobs":0
            """;
        JsonElement[] all = [.. (await OkAsync($$"""{ {{common}},"n":6}""")).GetProperty("choices").EnumerateArray()];
        JsonElement answer = await OkAsync($$"""{ {{common}},"n":2,"best_of":6}""");
        string[] expected = [.. all.OrderByDescending(choice => choice.GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray().Average(value => value.GetDouble())).Take(2).Select(choice => choice.GetProperty("text").GetString()!)];
        Assert.Equal(expected, answer.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString()));
        Assert.True(answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32() > 10);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public async Task A_stream_begins_with_the_prompt(int most)
    {
        string body = $$"""{"prompt":["{{Prompt}}","one two"],"max_tokens":{{most}},"temperature":0,"logprobs":1,"echo":true,"n":2""";
        JsonElement whole = await OkAsync(body + "}");
        List<JsonElement> events = await _server.StreamAsync("/v1/completions", body + ""","stream":true,"stream_options":{"include_usage":true}}""");
        for (int i = 0; i < 4; i++)
        {
            JsonElement expected = whole.GetProperty("choices")[i];
            JsonElement[] parts = [.. events.Select(part => part.GetProperty("choices")).Where(choices => choices.GetArrayLength() > 0 && choices[0].GetProperty("index").GetInt32() == i).Select(choices => choices[0])];
            Assert.Equal(expected.GetProperty("text").GetString(), string.Concat(parts.Select(part => part.GetProperty("text").GetString())));
            foreach (string list in (string[])["tokens", "token_logprobs", "text_offset"])
                Assert.Equal(expected.GetProperty("logprobs").GetProperty(list).EnumerateArray().Select(value => value.GetRawText()), parts.SelectMany(part => part.GetProperty("logprobs").GetProperty(list).EnumerateArray().Select(value => value.GetRawText())));
            Assert.Equal(expected.GetProperty("finish_reason").GetString(), parts[^1].GetProperty("finish_reason").GetString());
        }

        Assert.Equal(whole.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), events[^1].GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }

    [Theory]
    [InlineData("<s> </s>ab", new[] { 0, 0, 3, 4, 8 })]
    [InlineData("<s><s>ab", new[] { 0, 0, 3, 6 })]
    public async Task What_the_tokenizer_adds_stands_for_nothing_beside_the_same_that_was_typed(string prompt, int[] begin)
    {
        string body = $$"""{"prompt":"{{prompt}}","max_tokens":2,"temperature":0,"logprobs":0,"echo":true,"ignore_eos":true""";
        JsonElement whole = (await OkAsync(body + "}")).GetProperty("choices")[0];
        int[] offsets = Offsets(whole);
        Assert.Equal(begin, offsets[..begin.Length]);
        Assert.StartsWith(prompt, whole.GetProperty("text").GetString()!, StringComparison.Ordinal);
        Assert.Equal(prompt.Length, offsets[^2]);
        Assert.Equal(offsets, (await _server.StreamAsync("/v1/completions", body + ""","stream":true}""")).SelectMany(part => Offsets(part.GetProperty("choices")[0])));

        static int[] Offsets(JsonElement choice) => [.. choice.GetProperty("logprobs").GetProperty("text_offset").EnumerateArray().Select(offset => offset.GetInt32())];
    }

    private async Task<JsonElement> OkAsync(string body)
    {
        (int status, JsonElement answer) = await _server.AskAsync("/v1/completions", body);
        Assert.True(status == 200, answer.ToString());
        return answer;
    }
}
