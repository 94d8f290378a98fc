using System.Globalization;
using System.Text;
using System.Text.Json;
using Coppice.Server;

namespace Coppice.Tests.Server;

/// <summary>Requests made up from the server's own description.</summary>
public sealed class RandomRequestTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private static readonly string[] s_paths = ["/v1/completions", "/v1/chat/completions", "/v1/embeddings", "/tokenize", "/detokenize"];
    private readonly RunningServer _server = fixture.Running;

    [Fact]
    public async Task A_thousand_valid_requests_are_answered()
    {
        Dictionary<string, Schema> schemas = await SchemasAsync();
        Random random = new(1);
        await InParallel(1000, () => (s_paths[random.Next(s_paths.Length)], random.Next()), async (path, seed) =>
        {
            string body = schemas[path].Valid(new Random(seed));
            using HttpResponseMessage response = await _server.PostAsync(path, body);
            string text = await response.Content.ReadAsStringAsync();
            Assert.True((int)response.StatusCode == 200, $"{path} {body}: {(int)response.StatusCode} {text}");
            Assert.DoesNotContain("\"error\"", text.Split("\"choices\"")[0], StringComparison.Ordinal);
        });
        await _server.ExpectRestAsync();
        await ExpectRightAnswerAsync();
    }

    [Fact]
    public async Task A_thousand_invalid_requests_are_refused_and_nothing_else_happens()
    {
        Dictionary<string, Schema> schemas = await SchemasAsync();
        Random random = new(2);
        await InParallel(1000, () => (s_paths[random.Next(s_paths.Length)], random.Next()), async (path, seed) =>
        {
            byte[] body = schemas[path].Invalid(new Random(seed));
            using ByteArrayContent content = new(body);
            content.Headers.ContentType = new("application/json");
            using HttpResponseMessage response = await _server.Client.PostAsync(path, content);
            string text = await response.Content.ReadAsStringAsync();
            Assert.True((int)response.StatusCode is >= 400 and < 500, $"{path} {Encoding.UTF8.GetString(body)}: {(int)response.StatusCode} {text}");
            JsonElement error = JsonDocument.Parse(text).RootElement.GetProperty("error");
            Assert.NotEmpty(error.GetProperty("message").GetString()!);
        });
        Assert.Equal(200, (await _server.AskAsync("/v1/completions", """{"prompt":"still there?","max_tokens":1}""")).Status);
        await _server.ExpectRestAsync();
        await ExpectRightAnswerAsync();
    }

    [SharedFact]
    public async Task A_thousand_requests_of_OpenAIs_description_are_answered_or_refused_by_name()
    {
        Dictionary<string, List<OpenAiDescription.FieldKind>> fields = new(StringComparer.Ordinal)
        {
            ["/v1/completions"] = OpenAiDescription.Fields("CreateCompletionRequest"),
            ["/v1/chat/completions"] = OpenAiDescription.Fields("CreateChatCompletionRequest"),
        };
        Random random = new(3);
        int answered = 0, refused = 0;
        await InParallel(1000, () => (random.Next(2) == 0 ? "/v1/completions" : "/v1/chat/completions", random.Next()), async (path, seed) =>
        {
            Random own = new(seed);
            Dictionary<string, string> body = new(StringComparer.Ordinal) { ["model"] = "\"sample\"", ["max_tokens"] = $"{own.Next(1, 5)}" };
            body[path == "/v1/completions" ? "prompt" : "messages"] = path == "/v1/completions" ? "\"The prince\"" : """[{"role":"user","content":"Who?"}]""";
            // Few of the others, or most requests would be refused for what is not supported.
            for (int i = own.Next(4); i > 0; i--)
            {
                OpenAiDescription.FieldKind field = fields[path][own.Next(fields[path].Count)];
                if (field.Name is "max_tokens" or "max_completion_tokens" or "model" || (field.Name is "prompt" or "messages" && own.Next(4) > 0)) continue;
                body[field.Name] = field.Name is "n" or "best_of" ? $"{own.Next(1, 4)}" : field.Value(own);
            }

            string json = $"{{{string.Join(',', body.Select(field => $"\"{field.Key}\":{field.Value}"))}}}";
            using HttpResponseMessage response = await _server.PostAsync(path, json);
            string text = await response.Content.ReadAsStringAsync();
            Assert.True((int)response.StatusCode is 200 or 400, $"{path} {json}: {(int)response.StatusCode} {text}");
            if (response.StatusCode == System.Net.HttpStatusCode.OK)
            {
                Interlocked.Increment(ref answered);
                return;
            }

            Interlocked.Increment(ref refused);
            string? param = JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("param").GetString();
            Assert.True(param is not null && body.Keys.Any(name => param.StartsWith(name, StringComparison.Ordinal)), $"{path} {json}: {text}");
        });
        Assert.True(answered > 300 && refused > 100, $"{answered} answered, {refused} refused");
        await _server.ExpectRestAsync();
        await ExpectRightAnswerAsync();
    }

    /// <summary>After all of it the engine answers as one that has seen nothing.</summary>
    private async Task ExpectRightAnswerAsync()
    {
        using Engine fresh = Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 16 << 20, Threads = 1 });
        GenerateResult expected = await fresh.CompleteAsync("The prince looked at", new GenerateOptions { Temperature = 0, MaxTokens = 24, LogProbs = 1 });
        (_, JsonElement answer) = await _server.AskAsync("/v1/completions", """{"prompt":"The prince looked at","temperature":0,"max_tokens":24,"logprobs":1}""");
        Assert.Equal(expected.Choices[0].Text, answer.GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal(expected.Choices[0].LogProbs!.Select(token => token.LogProb), answer.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray().Select(value => value.GetSingle()));
    }

    private static async Task InParallel(int count, Func<(string, int)> next, Func<string, int, Task> run)
    {
        (string Path, int Seed)[] requests = [.. Enumerable.Range(0, count).Select(_ => next())];
        await Parallel.ForEachAsync(requests, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (request, _) => await run(request.Path, request.Seed));
    }

    private async Task<Dictionary<string, Schema>> SchemasAsync()
    {
        JsonElement root = JsonDocument.Parse(await _server.Client.GetStringAsync("/openapi/v1.json")).RootElement;
        return s_paths.ToDictionary(path => path, path => new Schema(root.GetProperty("paths").GetProperty(path).GetProperty("post").GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema")));
    }

    /// <summary>Makes values that fit a schema, and values that do not.</summary>
    private sealed class Schema(JsonElement root)
    {
        // What only holds between fields, and what would take long.
        private static readonly Dictionary<string, Func<Random, string>> s_special = new(StringComparer.Ordinal)
        {
            ["model"] = _ => "\"sample\"",
            ["max_tokens"] = random => random.Next(1, 6).ToString(CultureInfo.InvariantCulture),
            ["max_completion_tokens"] = random => random.Next(1, 6).ToString(CultureInfo.InvariantCulture),
            ["n"] = random => random.Next(1, 4).ToString(CultureInfo.InvariantCulture),
            ["best_of"] = _ => "4",
            ["tools"] = _ => "[]",
            ["tool_choice"] = _ => "\"auto\"",
            ["min_tokens"] = _ => "1",
            ["grammar"] = _ => "\"root ::= \\\"a\\\" root | [0-9]+\"",
            ["chat_template_kwargs"] = _ => """{"enable_thinking":true}""",
        };

        public string Valid(Random random)
        {
            Dictionary<string, string> body = [];
            HashSet<string> required = [.. root.GetProperty("required").EnumerateArray().Select(name => name.GetString()!)];
            foreach (JsonProperty field in root.GetProperty("properties").EnumerateObject())
                if (required.Contains(field.Name) || random.Next(3) == 0) body[field.Name] = s_special.TryGetValue(field.Name, out Func<Random, string>? special) ? special(random) : Value(field.Value, random);
            if (!body.ContainsKey("max_completion_tokens") && root.GetProperty("properties").TryGetProperty("max_tokens", out _)) body.TryAdd("max_tokens", "2");
            if (body.ContainsKey("max_completion_tokens")) body.Remove("max_tokens");
            body.Remove("prefix");      // none is declared
            body.Remove("dimensions");
            if (body.ContainsKey("grammar")) body.Remove("response_format");
            if (!body.TryGetValue("stream", out string? stream) || stream == "false") body.Remove("stream_options");
            else body.Remove("best_of");
            if (!body.TryGetValue("logprobs", out string? logProbs) || logProbs == "false") body.Remove("top_logprobs");
            if (root.GetProperty("properties").TryGetProperty("return_token_strs", out _) && body.ContainsKey("prompt") == body.ContainsKey("messages"))
            {
                body.Remove("messages");
                body["prompt"] = "\"some text\"";
            }

            return $"{{{string.Join(',', body.Select(field => $"\"{field.Key}\":{field.Value}"))}}}";
        }

        public byte[] Invalid(Random random)
        {
            string valid = Valid(random);
            string[] names = [.. root.GetProperty("properties").EnumerateObject().Select(field => field.Name)];
            string name = names[random.Next(names.Length)];
            return Encoding.UTF8.GetBytes(random.Next(6) switch
            {
                0 => valid[..random.Next(valid.Length)],
                1 => valid[..^1] + $",\"{name}x\":1}}",
                2 => $"{{\"{name}\":{(random.Next(2) == 0 ? "[[[]]]" : "{\"x\":{}}")}}}",
                3 => $"{{\"prompt\":\"a\",\"messages\":7,\"n\":{random.Next(-1000, 1)}}}",
                4 => new string('[', random.Next(1, 5000)),
                _ => $"{{\"{name}\":\"\\ud800\",\"temperature\":\"{new string('9', random.Next(1, 300))}\"}}",
            });
        }

        private static string Value(JsonElement schema, Random random)
        {
            if (schema.TryGetProperty("anyOf", out JsonElement any)) return Value(any[random.Next(any.GetArrayLength())], random);
            if (schema.TryGetProperty("enum", out JsonElement choices)) return choices[random.Next(choices.GetArrayLength())].GetRawText();
            double least = schema.TryGetProperty("minimum", out JsonElement minimum) ? minimum.GetDouble() : -5, most = schema.TryGetProperty("maximum", out JsonElement maximum) ? maximum.GetDouble() : 1000;
            switch (schema.GetProperty("type").GetString())
            {
                case "null": return "null";
                case "boolean": return random.Next(2) == 0 ? "true" : "false";
                case "integer": return random.Next((int)least, (int)Math.Min(1000, most) + 1).ToString(CultureInfo.InvariantCulture);
                case "number": return (least + random.NextDouble() * (most - least)).ToString("R", CultureInfo.InvariantCulture);
                case "string": return JsonSerializer.Serialize(string.Concat(Enumerable.Range(0, random.Next(1, 20)).Select(_ => (char)random.Next(random.Next(4) == 0 ? 1 : 32, random.Next(4) == 0 ? 0xD7FF : 126))));
                case "array":
                    int items = random.Next(schema.TryGetProperty("minItems", out JsonElement few) ? few.GetInt32() : 0, 4);
                    return $"[{string.Join(',', Enumerable.Range(0, items).Select(_ => Value(schema.GetProperty("items"), random)))}]";
                default:
                    if (schema.TryGetProperty("additionalProperties", out JsonElement values)) return $"{{{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(i => $"\"{i * 100}\":{Value(values, random)}"))}}}";
                    HashSet<string> required = schema.TryGetProperty("required", out JsonElement names) ? [.. names.EnumerateArray().Select(name => name.GetString()!)] : [];
                    return $"{{{string.Join(',', schema.GetProperty("properties").EnumerateObject().Where(p => required.Contains(p.Name) || random.Next(2) == 0).Select(p => $"\"{p.Name}\":{Value(p.Value, random)}"))}}}";
            }
        }
    }
}
