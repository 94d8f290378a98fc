using Coppice.Attention;
using Coppice.KvCache;
using Coppice.Scheduling;
using Coppice.Tests.Kernels;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Models;

/// <summary>The promise that batch mates, cache, mode, chunks and threads do not change a bit, for layers that see little and for rows that part ways.</summary>
public sealed class FamilyBitsTests
{
    [Theory]
    [InlineData("mistral folder"), InlineData("gemma 3 folder"), InlineData("mixtral folder"), InlineData("qwen3 moe gguf"), InlineData("pythia folder")]
    public void A_request_has_the_same_logits_alone_and_among_others_that_share_its_beginning(string name)
    {
        TinyCase one = TinyFamilies.All[name];
        using TempFolder folder = new();
        string path = one.Write(folder);
        Random random = new(3);
        int[] beginning = Tokens(random, 75, one.Model.V);
        (int[] Prompt, GenerateOptions Options)[] requests = [.. Enumerable.Range(0, 7).Select(i => ((int[])[.. beginning.AsSpan(0, 75 - 5 * i), .. Tokens(random, 1 + 9 * i % 17, one.Model.V)],
            new GenerateOptions { N = 1 + i % 2, MaxTokens = 12 + i, Temperature = i % 3 == 0 ? 0 : 1, Seed = i, IgnoreEndOfText = true }))];

        List<List<float[]>> alone = [];
        using (FamilyRun run = new(path, new EngineOptions { Attention = AttentionMode.PerSequence, Threads = 1 }))
        {
            foreach ((int[] prompt, GenerateOptions options) in requests)
            {
                Request request = run.Submit(prompt, options with { CacheSalt = $"{alone.Count}" });
                run.Run();
                for (int sample = 0; sample < options.N; sample++) alone.Add(run.Seen[(request, sample)]);
            }
        }

        foreach ((AttentionMode mode, int threads, int chunk) in ((AttentionMode, int, int)[])[(AttentionMode.Auto, 3, 512), (AttentionMode.Tree, 2, 7), (AttentionMode.Bifurcated, 1, 33)])
        {
            using FamilyRun run = new(path, new EngineOptions { Attention = mode, Threads = threads, PrefillChunk = chunk });
            for (int round = 0; round < 2; round++)     // the second finds everything cached
            {
                Request[] together = [.. requests.Select(r => run.Submit(r.Prompt, r.Options))];
                run.Run();
                int index = 0;
                foreach (Request request in together)
                {
                    Assert.Null(request.Error);
                    for (int sample = 0; sample < request.Sequences.Length; sample++, index++)
                    {
                        List<float[]> seen = run.Seen[(request, sample)];
                        Assert.Equal(alone[index].Count, seen.Count);
                        for (int i = 0; i < seen.Count; i++) Levels.SameBits(alone[index][i], seen[i], $"{name}, {mode}, sample {index}, token {i}");
                    }
                }
            }
        }
    }

    private static int[] Tokens(Random random, int count, int vocabulary) => [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];
}

/// <summary>What <see cref="Scheduling.AllocationTests"/> measures, where rows are sorted by expert in every layer.</summary>
[Collection(Alone.Name)]
public sealed class FamilyAllocationTests
{
    [Theory]
    [InlineData("qwen3 moe folder"), InlineData("pythia folder"), InlineData("gemma 3 folder")]
    public void A_steady_decode_step_allocates_nothing(string name)
    {
        using TempFolder folder = new();
        using FamilyRun run = new(TinyFamilies.All[name].Write(folder));
        run.Core.Observer = null;
        Request request = run.Submit([.. Enumerable.Range(0, 40)], new GenerateOptions { N = 4, MaxTokens = 200, Temperature = 1, Seed = 1, IgnoreEndOfText = true });
        for (int step = 0; step < 40; step++) run.Core.Step();
        long least = long.MaxValue;
        for (int window = 0; window < 9 && least > 0; window++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int step = 0; step < KvLayout.PageTokens; step++) run.Core.Step();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.False(request.IsFinished);
        Assert.Equal(0, least);
    }
}
