using System.Text;
using Coppice.Cli;
using Coppice.Cli.BatchFiles;
using Coppice.Server.Batches;
using FsCheck;
using FsCheck.Fluent;

namespace Coppice.Tests.Cli;

public sealed class LineParserTests
{
    private const string Api = """{"custom_id":"a","method":"POST","url":"/v1/completions","body":{"model":"m","prompt":"Hi","max_tokens":3},"expected":"yes"}""";
    private const string Short = """{"custom_id":"b","prompt":"Hi","n":2,"max_tokens":5,"temperature":0.5,"top_p":0.5,"top_k":4,"min_p":0.25,"seed":-9,"stop":["x","y"],"presence_penalty":1,"frequency_penalty":-1,"repetition_penalty":2,"logit_bias":{"5":-100,"6":1.5},"logprobs":3,"min_tokens":1,"ignore_eos":true,"stop_token_ids":[7],"cache_salt":"s","best_of":4,"user":"u","stream":false,"echo":false,"expected":["p","q"]}""";

    private const string Chat = """{"custom_id":"c","url":"/v1/chat/completions","body":{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hi"}]}],"tools":[{"type":"function","function":{"name":"now"}}],"tool_choice":"auto","documents":[{"text":"d"}],"chat_template_kwargs":{"enable_thinking":true},"max_completion_tokens":7,"logprobs":true,"top_logprobs":3,"parallel_tool_calls":true}}""";

    [Fact]
    public void The_form_of_the_api_is_read()
    {
        PromptLine line = Good(Api);
        Assert.Equal(("a", "Hi", (int?)3, 16), (line.CustomId, line.Prompt.Text, line.MaxTokens, line.DefaultMaxTokens));
        Assert.Equal(["yes"], line.Expected);
        Assert.Equal(1, line.Options.Temperature);
    }

    [Fact]
    public void The_short_form_takes_every_field()
    {
        PromptLine line = Good(Short);
        GenerateOptions o = line.Options;
        Assert.Equal(("b", (int?)5, 256), (line.CustomId, line.MaxTokens, line.DefaultMaxTokens));
        Assert.Equal(["p", "q"], line.Expected);
        Assert.Equal(["x", "y"], o.Stop);
        Assert.Equal([7], o.StopTokens);
        Assert.Equal(new Dictionary<int, float> { [5] = -100, [6] = 1.5f }, o.LogitBias);
        Assert.Equal(new GenerateOptions
        {
            N = 2,
            BestOf = 4,
            Temperature = 0.5f,
            TopP = 0.5f,
            TopK = 4,
            MinP = 0.25f,
            Seed = -9,
            PresencePenalty = 1,
            FrequencyPenalty = -1,
            RepetitionPenalty = 2,
            LogProbs = 3,
            MinTokens = 1,
            IgnoreEndOfText = true,
            CacheSalt = "s",
            Stop = o.Stop,
            StopTokens = o.StopTokens,
            LogitBias = o.LogitBias,
        }, o);
    }

    [Fact]
    public void A_conversation_is_read_with_its_tools()
    {
        PromptLine line = Good(Chat);
        ChatTemplateInput chat = line.Prompt.Chat!;
        Assert.Equal((null, null, (int?)7, int.MaxValue), (line.Prompt.Text, line.Prompt.Tokens, line.MaxTokens, line.DefaultMaxTokens));
        Assert.Equal(["system", "user"], chat.Messages.Select(message => message.Role));
        Assert.Equal(("now", 1, true, 3), (chat.Tools!.Value[0].GetProperty("function").GetProperty("name").GetString(), chat.Documents!.Value.GetArrayLength(), chat.Variables["enable_thinking"].GetBoolean(), line.Options.LogProbs));
        Assert.True(chat.AddGenerationPrompt);
        Assert.Null(Good(Chat.Replace("\"auto\"", "\"none\"", StringComparison.Ordinal)).Prompt.Chat!.Tools);
    }

    [Fact]
    public void The_short_form_of_a_conversation_is_its_messages()
    {
        PromptLine line = Good("""{"messages":[{"role":"user","content":"Hi"}],"n":2,"tools":[],"add_generation_prompt":false}""");
        Assert.Equal((2, 256, false), (line.Options.N, line.DefaultMaxTokens, line.Prompt.Chat!.AddGenerationPrompt));
        Assert.Null(line.Prompt.Chat.Tools);
    }

    [Theory]
    [InlineData("""{"prompt":[5,6,7]}""", null, new[] { 5, 6, 7 })]
    [InlineData("""{"prompt":["text"]}""", "text", null)]
    [InlineData("""{"prompt":[[5]]}""", null, new[] { 5 })]
    [InlineData("""{"prompt":""}""", "", null)]
    public void A_prompt_is_a_text_or_token_ids(string json, string? text, int[]? tokens)
    {
        Prompt prompt = Good(json).Prompt;
        Assert.Equal(text, prompt.Text);
        Assert.Equal(tokens, prompt.Tokens);
    }

    [Fact]
    public void Null_is_the_same_as_nothing()
    {
        PromptLine line = Good("""{"prompt":"a","max_tokens":null,"stop":null,"logit_bias":null,"seed":null,"temperature":null,"logprobs":null,"user":null}""");
        Assert.Equal(new GenerateOptions { Stop = line.Options.Stop, StopTokens = line.Options.StopTokens }, line.Options);
        Assert.Null(line.MaxTokens);
    }

    [Theory]
    [InlineData("nonsense", "not JSON at byte 2")]
    [InlineData("""{"prompt":"a"} x""", "not JSON at byte 16")]
    [InlineData("[1]", "The line is [1]; it must be an object.")]
    [InlineData("{}", "prompt is missing")]
    [InlineData("""{"prompt":5}""", "prompt is 5; it must be a text or a list of token ids.")]
    [InlineData("""{"prompt":null}""", "prompt is null")]
    [InlineData("""{"prompt":[]}""", "empty list")]
    [InlineData("""{"prompt":["a","b"]}""", "list of 2 prompts")]
    [InlineData("""{"prompt":[1,-2]}""", "prompt[1] is -2")]
    [InlineData("""{"prompt":[1,2.5]}""", "prompt[1] is 2.5")]
    [InlineData("""{"prompt":"\ud800"}""", "surrogate")]
    [InlineData("""{"prompt":"a","\ud800":1}""", "surrogate")]
    [InlineData("""{"messages":[{"role":"user","content":"a","x":{"\ud800":1}}]}""", "surrogate")]
    [InlineData("""{"prompt":"a","prompt":"b"}""", "not JSON that can be read: Duplicate property 'prompt' in one object")]
    [InlineData("""{"prompt":"a","temprature":0}""", "The field 'temprature' is unknown. Known: prompt, best_of, logprobs, echo, n,")]
    [InlineData("""{"prompt":"a","n":0}""", "n is 0; it must be a whole number from 1 to 1024.")]
    [InlineData("""{"prompt":"a","n":"2"}""", "n is \"2\"; it must be a whole number")]
    [InlineData("""{"prompt":"a","max_tokens":-1}""", "max_tokens is -1; it must be a whole number, 0 or more.")]
    [InlineData("""{"prompt":"a","max_tokens":1e400}""", "max_tokens is 1e400")]
    [InlineData("""{"prompt":"a","temperature":2.1}""", "temperature is 2.1; it must be a number from 0 to 2.")]
    [InlineData("""{"prompt":"a","temperature":1e99}""", "temperature is 1e99")]
    [InlineData("""{"prompt":"a","top_p":0}""", "top_p is 0; it must be a number above 0 and at most 1.")]
    [InlineData("""{"prompt":"a","logprobs":21}""", "logprobs is 21")]
    [InlineData("""{"prompt":"a","logit_bias":{"x":1}}""", "logit_bias has the key 'x'")]
    [InlineData("""{"prompt":"a","logit_bias":{"5":101}}""", "logit_bias[5] is 101; it must be a number from -100 to 100.")]
    [InlineData("""{"prompt":"a","stop":[1]}""", "stop[0] is 1; it must be a text.")]
    [InlineData("""{"prompt":"a","stream":true}""", "stream is true")]
    [InlineData("""{"prompt":"a","echo":true}""", "echo is true")]
    [InlineData("""{"prompt":"a","n":3,"best_of":2}""", "best_of is 2 and n is 3")]
    [InlineData("""{"prompt":"a","min_tokens":9,"max_tokens":3}""", "min_tokens is 9 and max_tokens is 3")]
    [InlineData("""{"prompt":"a","expected":1}""", "expected is 1; it must be a text or a list of texts.")]
    [InlineData("""{"custom_id":7,"prompt":"a"}""", "custom_id is 7; it must be a text.")]
    [InlineData("""{"custom_id":"","prompt":"a"}""", "custom_id is empty")]
    [InlineData("""{"messages":[]}""", "messages is an empty list")]
    [InlineData("""{"messages":"hi"}""", "messages is \"hi\"; it must be a list of messages.")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"content":"a"}]}""", "messages[1]: A message needs a 'role'")]
    [InlineData("""{"messages":null}""", "messages is missing")]
    [InlineData("""{"url":"/v1/chat/completions","body":{"prompt":"a"}}""", "The field 'prompt' is unknown. Known: messages, tools,")]
    [InlineData("""{"url":"/v1/completions","body":{"messages":[{"role":"user","content":"a"}]}}""", "The field 'messages' is unknown")]
    [InlineData("""{"prompt":"a","messages":[{"role":"user","content":"a"}]}""", "The field 'prompt' is unknown")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"tools":[1]}""", "tools[0] is 1; it must be an object.")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"tool_choice":"required"}""", "tool_choice is \"required\"; it must be \"auto\" or \"none\"")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"logprobs":2}""", "logprobs is 2; it must be true or false.")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"top_logprobs":2}""", "top_logprobs is 2 and logprobs is not true")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"chat_template_kwargs":3}""", "chat_template_kwargs is 3; it must be an object.")]
    [InlineData("""{"url":"/v1/embeddings","body":{}}""", "url is \"/v1/embeddings\"; it must be /v1/completions or /v1/chat/completions.")]
    [InlineData("""{"body":{"prompt":"a"}}""", "url is missing")]
    [InlineData("""{"url":"/v1/completions"}""", "body is missing")]
    [InlineData("""{"url":"/v1/completions","body":[]}""", "body is []")]
    [InlineData("""{"url":"/v1/completions","body":{"prompt":"a"},"method":"GET"}""", "method is \"GET\"")]
    [InlineData("""{"url":"/v1/completions","body":{"prompt":"a"},"prompt":"a"}""", "The field 'prompt' is unknown")]
    [InlineData("""{"url":"/v1/completions","body":{"prompt":"a","expected":"a"}}""", "The field 'expected' is unknown")]
    public void A_bad_line_says_which_field_and_why(string json, string says)
    {
        BadLine line = Assert.IsType<BadLine>(Parse(json));
        Assert.Contains(says, line.Error.Message, StringComparison.Ordinal);
        Assert.Equal(400, line.Error.Status);
    }

    [Fact]
    public void A_line_that_is_not_utf8_says_where()
    {
        BadLine line = Assert.IsType<BadLine>(new LineParser().Parse(1, new byte[] { (byte)'"', 0xFF, (byte)'"' }));
        Assert.Contains("not UTF-8 (byte 2)", line.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ids_are_unique_whatever_the_file_calls_its_lines()
    {
        LineParser parser = new();
        string[] json = ["""{"prompt":"a","custom_id":"line-3"}""", """{"prompt":"a"}""", """{"prompt":"a"}""", """{"prompt":"a","custom_id":"line-2"}""", "x"];
        BatchLine[] lines = [.. json.Select((text, i) => parser.Parse(i + 1, Encoding.UTF8.GetBytes(text)))];
        Assert.Equal(["line-3", "line-2", "line-3 (2)", "line-4", "line-5"], lines.Select(line => line.CustomId));
        Assert.Contains("custom_id 'line-2' is taken by line 2", Assert.IsType<BadLine>(lines[3]).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bad_line_keeps_its_own_id() => Assert.Equal("mine", Parse("""{"custom_id":"mine","prompt":3}""").CustomId);

    [Fact]
    public void No_line_breaks_the_reader_and_every_line_has_one_result()
    {
        byte[][] seeds = [Encoding.UTF8.GetBytes(Api), Encoding.UTF8.GetBytes(Short), Encoding.UTF8.GetBytes(Chat)];
        byte[] alphabet = [.. "{}[]\",:\\ud8\n\r\0 -0.9eE"u8, 0xFF, 0xC3, 0xEF, 0xBB, 0xBF];
        Gen<byte[]> mutated =
            from seed in Gen.Elements(seeds)
            from edits in Gen.Choose(0, seed.Length - 1).Zip(Gen.Elements(alphabet)).ListOf()
            from cut in Gen.Choose(0, seed.Length)
            select Edited(seed, edits, cut);
        Gen<byte[]> file = mutated.ListOf().Select(lines => lines.SelectMany(line => line.Append((byte)'\n')).ToArray());
        Prop.ForAll(file.ToArbitrary(), bytes =>
        {
            List<BatchLine> lines = BatchFile.ReadAsync(new MemoryStream(bytes), CancellationToken.None).Result;
            string[] texts = Encoding.Latin1.GetString(bytes).Split('\n');
            if (texts[0].StartsWith("\u00EF\u00BB\u00BF", StringComparison.Ordinal)) texts[0] = texts[0][3..];
            int[] expected = [.. texts.Index().Where(line => line.Item.Trim(' ', '\t', '\r').Length > 0).Select(line => line.Index + 1)];
            return lines.Select(line => line.Number).SequenceEqual(expected) && lines.DistinctBy(line => line.CustomId).Count() == lines.Count;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(1, 3));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(70_000)]
    public async Task Lines_come_out_whole_however_the_bytes_come_in(int chunk)
    {
        string longLine = new('x', 200_000);
        byte[] bytes = Encoding.UTF8.GetBytes($"\uFEFFone\r\n\n{longLine}\nlast");
        List<string> lines = [];
        long end = 0;
        await foreach (InputLine line in LineReader.ReadAsync(new SlowStream(bytes, chunk), 200_000, CancellationToken.None))
        {
            lines.Add($"{line.Number}:{Encoding.UTF8.GetString(line.Bytes.Span)}");
            Assert.Equal(line.Number < 4, line.HasEnd);
            Assert.True(line.End > end);
            end = line.End;
        }
        Assert.Equal(["1:one", "2:", $"3:{longLine}", "4:last"], lines);
        Assert.Equal(bytes.Length, end);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(70_000)]
    public async Task A_line_that_is_too_long_is_counted_and_not_kept_and_the_others_come_out_whole(int chunk)
    {
        byte[] bytes = Encoding.UTF8.GetBytes($"one\n{new string('x', 300_000)}\r\n \ntwo\n{new string('y', 150_001)}");
        List<(int, string, long)> lines = [];
        await foreach (InputLine line in LineReader.ReadFilledAsync(new SlowStream(bytes, chunk), 150_000, CancellationToken.None))
            lines.Add((line.Number, line.IsTooLong ? "too long" : Encoding.UTF8.GetString(line.Bytes.Span), line.ByteCount));
        Assert.Equal([(1, "one", 3), (2, "too long", 300_001), (4, "two", 3), (5, "too long", 150_001)], lines);
    }

    [Fact]
    public async Task A_line_that_does_not_end_ends_the_reading_with_its_number()
    {
        IOException endless = await Assert.ThrowsAsync<IOException>(() => BatchFile.ReadAsync(new EndlessStream(), CancellationToken.None));
        Assert.Contains("Line 1 does not end within 4294967296 bytes", endless.Message, StringComparison.Ordinal);
    }

    private static BatchLine Parse(string json) => new LineParser().Parse(1, Encoding.UTF8.GetBytes(json));

    private static PromptLine Good(string json)
    {
        BatchLine line = Parse(json);
        return Assert.IsType<PromptLine>(line is BadLine bad ? throw new InvalidOperationException(bad.Error.Message) : line);
    }

    private static byte[] Edited(byte[] seed, IEnumerable<(int At, byte Value)> edits, int cut)
    {
        byte[] bytes = [.. seed];
        foreach ((int at, byte value) in edits.Take(4)) bytes[at] = value;
        return cut % 3 == 0 ? bytes[..cut] : bytes;
    }

    /// <summary>Zeros, as of a device.</summary>
    private sealed class EndlessStream : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(buffer.Length);
    }

    private sealed class SlowStream(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(chunk, buffer.Length)], cancellationToken);
    }
}
