using System.Text.Json;
using Coppice.Backends;
using Coppice.Scheduling;

namespace Coppice.Tests.Golden;

/// <summary>Answers that others computed: PyTorch for the sample model, llama2.c for stories260K.</summary>
public sealed class GoldenTests
{
    private const string Stories = "testdata/stories260K";

    [Theory, InlineData("cpu"), InlineData("reference")]
    public void The_sample_model_answers_as_PyTorch_does(string backend)
    {
        using TestEngine engine = new(TestData.SampleModel, backend: Backend(backend));
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestData.SampleModel, "golden.json")));
        List<(JsonElement Golden, Request Request)> requests = [];
        foreach (JsonElement one in golden.RootElement.EnumerateArray())
        {
            int[] ids = Ints(one.GetProperty("prompt_ids")), greedy = Ints(one.GetProperty("greedy_ids"));
            // The scalar backend is slow: one prompt of more than a thousand tokens is left to the other.
            if (backend == "reference" && ids.Length > 200) continue;
            Assert.Equal(ids, engine.Tokenizer.Encode(one.GetProperty("prompt").GetString()!));
            requests.Add((one, engine.Submit(ids, new GenerateOptions { Temperature = 0, MaxTokens = greedy.Length, LogProbs = 5 })));
        }

        engine.Run();
        foreach ((JsonElement one, Request request) in requests)
        {
            int[] greedy = Ints(one.GetProperty("greedy_ids")), answer = TestEngine.Answer(request);
            Assert.Equal(greedy, answer);
            Assert.Equal(one.GetProperty("greedy_text").GetString(), engine.Tokenizer.Decode(answer));
            ChosenLogProb first = TestEngine.LogProbs(request)[0];
            int i = 0;
            foreach (JsonElement top in one.GetProperty("top5_next").EnumerateArray())
            {
                Assert.Equal(top[0].GetInt32(), first.Top[i].Token);
                Assert.Equal(top[1].GetDouble(), first.Top[i++].LogProb, 1e-3);
            }
        }
    }

    [SharedTheory]
    [InlineData("hf", "cpu")]
    [InlineData("stories260K-f32.gguf", "cpu")]
    [InlineData("hf", "reference")]
    [InlineData("stories260K-f32.gguf", "reference")]
    public void Stories260K_tells_the_published_story(string file, string backend)
    {
        using TestEngine engine = new(TestData.Shared($"{Stories}/{file}"), backend: Backend(backend));
        string golden = File.ReadAllText(TestData.Shared($"{Stories}/golden_greedy_256.txt")).TrimEnd('\n');
        int[] answer = engine.Complete([1], new GenerateOptions { Temperature = 0, MaxTokens = 256 });
        string text = engine.Tokenizer.Decode(answer);
        Assert.StartsWith(golden, text, StringComparison.Ordinal);
        Assert.True(text.Length - golden.Length < 8, $"The text goes on: {text[golden.Length..]}");
    }

    [Fact]
    public void Both_backends_give_the_same_logits_bit_for_bit()
    {
        GenerateOptions options = new() { Temperature = 0, MaxTokens = 12, LogProbs = 20, IgnoreEndOfText = true };
        using TestEngine cpu = new(TestData.SampleModel), reference = new(TestData.SampleModel, backend: new ReferenceBackend());
        Request a = cpu.Submit("The code for Rome is 042. The code for", options), b = reference.Submit("The code for Rome is 042. The code for", options);
        cpu.Run();
        reference.Run();
        ChosenLogProb[] x = TestEngine.LogProbs(a), y = TestEngine.LogProbs(b);
        for (int i = 0; i < x.Length; i++) Assert.Equal(y[i].Top, x[i].Top);
    }

    private static IBackend Backend(string name) => name == "cpu" ? new CpuBackend(2) : new ReferenceBackend();

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetInt32())];
}
