using Coppice.Backends;
using Coppice.Scheduling;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Models;

/// <summary>Every family in both containers against an independent pass in double.</summary>
public sealed class FamilyTests
{
    private const int Decoded = 64;

    public static TheoryData<string> Cases => [.. TinyFamilies.All.Keys];

    [Theory, MemberData(nameof(Cases))]
    public void Logits_of_the_prompt_and_of_every_decoded_token_are_those_of_the_oracle(string name)
    {
        TinyCase one = TinyFamilies.All[name];
        int prompt = one.Context is int context ? Math.Min(40, context - Decoded / 4) : 40;
        Compare(one, prompt, one.Context is int limit ? Math.Min(Decoded, limit - prompt) : Decoded, new CpuBackend(2));
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_scalar_backend_gives_them_too(string name)
    {
        TinyCase one = TinyFamilies.All[name];
        Compare(one, prompt: 27, decoded: 5, new ReferenceBackend());
    }

    [Theory, MemberData(nameof(Cases))]
    public void Embeddings_are_the_pooled_hidden_states_of_the_oracle(string name)
    {
        TinyCase one = TinyFamilies.All[name];
        using TempFolder folder = new();
        using FamilyRun run = new(one.Write(folder), new EngineOptions { MaxContextTokens = one.Context, PrefillChunk = 7 });
        Random random = new(8);
        int[] tokens = [.. Enumerable.Range(0, 23).Select(_ => random.Next(one.Model.V))];
        double[][] hidden = Oracle.Hidden(one.Model, tokens);
        foreach (EmbeddingPooling pooling in Enum.GetValues<EmbeddingPooling>())
        {
            Request request = run.Core.Submit(tokens, new EmbedOptions { Pooling = pooling });
            run.Run();
            if (request.Error is { } error) throw error;
            double[] pooled = pooling == EmbeddingPooling.Last ? hidden[^1] : [.. Enumerable.Range(0, one.Model.E).Select(i => hidden.Average(row => row[i]))];
            double length = Math.Sqrt(pooled.Sum(v => v * v));
            float[] embedding = request.Pooling!.Normalised();
            Assert.Equal(pooled.Length, embedding.Length);
            for (int i = 0; i < pooled.Length; i++) Assert.Equal(pooled[i] / length, embedding[i], 2e-4);
        }
    }

    private static void Compare(TinyCase one, int prompt, int decoded, IBackend backend)
    {
        using TempFolder folder = new();
        using FamilyRun run = new(one.Write(folder), new EngineOptions { MaxContextTokens = one.Context }, backend);
        Random random = new(7);
        int[] tokens = [.. Enumerable.Range(0, prompt).Select(_ => random.Next(one.Model.V))];
        Request request = run.Submit(tokens, new GenerateOptions { MaxTokens = decoded, Temperature = 0, IgnoreEndOfText = true });
        run.Run();
        if (request.Error is { } error) throw error;
        List<float[]> seen = run.Seen[(request, 0)];
        Sequence sequence = request.Sequences[0];
        Assert.Equal(decoded, seen.Count);
        double[][] expected = Oracle.Logits(one.Model, [.. tokens, .. Enumerable.Range(0, decoded).Select(sequence.GeneratedToken)]);
        for (int i = 0; i < decoded; i++)
        {
            double[] oracle = expected[prompt - 1 + i];
            double scale = Math.Max(1, oracle.Max(Math.Abs));
            for (int v = 0; v < oracle.Length; v++)
                Assert.True(Math.Abs(oracle[v] - seen[i][v]) < 2e-4 * scale, $"{one.Name}: logit {v} behind token {prompt + i} is {seen[i][v]} and should be {oracle[v]}.");
        }
    }
}
