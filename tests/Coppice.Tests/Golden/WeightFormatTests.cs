using System.Text.Json;
using Coppice.Kernels;
using Coppice.Scheduling;

namespace Coppice.Tests.Golden;

/// <summary>The sample model with its weights in other formats, against PyTorch's f32 answers.</summary>
public sealed class WeightFormatTests
{
    [Theory]
    [InlineData(WeightFormat.F32, 1e-3, 1.0)]
    [InlineData(WeightFormat.BF16, 0.1, 0.95)]
    [InlineData(WeightFormat.Q8_0, 0.1, 0.9)]
    public void The_sample_model_stays_close_to_PyTorch(WeightFormat format, double logProbTolerance, double leastShareOfEqualTokens)
    {
        using TestEngine engine = new(TestData.SampleModel, new EngineOptions { Weights = format });
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestData.SampleModel, "golden.json")));
        List<(int Expected, Request Request, double? LogProb)> requests = [];
        foreach (JsonElement one in golden.RootElement.EnumerateArray())
        {
            int[] ids = Ints(one.GetProperty("prompt_ids")), greedy = Ints(one.GetProperty("greedy_ids"));
            // Every token after PyTorch's own before it: one that differs must not make all behind it differ.
            for (int i = 0; i < greedy.Length; i++)
            {
                Request request = engine.Submit([.. ids, .. greedy.AsSpan(0, i)], new GenerateOptions { Temperature = 0, MaxTokens = 1, LogProbs = 1, IgnoreEndOfText = true });
                requests.Add((greedy[i], request, i == 0 ? one.GetProperty("top5_next")[0][1].GetDouble() : null));
            }
        }

        engine.Run();
        int equal = 0;
        foreach ((int expected, Request request, double? logProb) in requests)
        {
            if (TestEngine.Answer(request)[0] == expected) equal++;
            if (logProb is { } value) Assert.Equal(value, TestEngine.LogProbs(request)[0].Top[0].LogProb, logProbTolerance);
        }
        Assert.True(equal >= requests.Count * leastShareOfEqualTokens, $"{equal} of {requests.Count} tokens are PyTorch's");
    }

    [Theory, InlineData(WeightFormat.BF16), InlineData(WeightFormat.Q8_0)]
    public void Logits_do_not_depend_on_company_or_threads_in_any_format(WeightFormat format)
    {
        int[] prompt = [1, .. Enumerable.Range(0, 70).Select(i => 3 + i * 31 % 1000)];
        GenerateOptions options = new() { Temperature = 0, MaxTokens = 6, LogProbs = 8, IgnoreEndOfText = true };
        using TestEngine alone = new(TestData.SampleModel, new EngineOptions { Weights = format, Threads = 1 });
        using TestEngine crowd = new(TestData.SampleModel, new EngineOptions { Weights = format, Threads = 3, PrefillChunk = 37 });
        Request a = alone.Submit(prompt, options);
        alone.Run();
        Request[] others = [.. Enumerable.Range(0, 20).Select(i => crowd.Submit([1, 5 + i, 7], options))];
        Request b = crowd.Submit(prompt, options);
        crowd.Run();
        ChosenLogProb[] x = TestEngine.LogProbs(a), y = TestEngine.LogProbs(b);
        for (int i = 0; i < x.Length; i++) Assert.Equal(x[i].Top, y[i].Top);
        Assert.All(others, other => Assert.True(other.IsFinished));
    }

    [Fact]
    public void A_smaller_format_takes_less_memory()
    {
        using TestEngine native = new(TestData.SampleModel), f32 = new(TestData.SampleModel, new EngineOptions { Weights = WeightFormat.F32 });
        using TestEngine q8 = new(TestData.SampleModel, new EngineOptions { Weights = WeightFormat.Q8_0 });
        Assert.True(native.Core.WeightBytes < f32.Core.WeightBytes * 0.52);
        Assert.True(q8.Core.WeightBytes < f32.Core.WeightBytes * 0.29);
        Assert.Equal(WeightFormat.Q8_0, q8.Core.Options.Weights);
        Assert.NotEmpty(Q8Kernel.Best.Name);
    }

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetInt32())];
}
