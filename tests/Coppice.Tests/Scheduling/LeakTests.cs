using Coppice.Attention;
using Coppice.Backends;
using Coppice.Kernels;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Memory;
using Coppice.Models;
using Coppice.Scheduling;
using Coppice.Tests.Golden;

namespace Coppice.Tests.Scheduling;

public sealed class LeakTests
{
    [Theory, InlineData(1, 0), InlineData(2, 0), InlineData(3, 0), InlineData(4, 20), InlineData(5, 64)]
    public void Pages_add_up_after_every_step_of_a_long_run_of_cancellations_pauses_evictions_and_errors(int seed, int window)
    {
        Random random = new(seed);
        FaultyBackend backend = new();
        long pageBytes = 4 * 4 * 2 * 32 * 16 * 4;
        using TestEngine engine = new(TestData.SampleModel, new EngineOptions { MaxBatch = 8, PrefillChunk = 48, MaxContextTokens = 200, KvBytes = pageBytes * (window == 0 ? 40 : 24) }, backend, window);
        List<Request> all = [], open = [];
        for (int step = 0; step < 1500; step++)
        {
            if (step < 1400 && open.Count < 20 && random.Next(3) == 0)
            {
                int[] prompt = [1, .. Enumerable.Range(0, random.Next(1, 150)).Select(i => i < 60 ? 5 + i / 50 : random.Next(3, 1024))];
                Request request = engine.Submit(prompt, new GenerateOptions { N = random.Next(1, 5), MaxTokens = random.Next(1, 40), Seed = step });
                open.Add(request);
                all.Add(request);
            }

            if (open.Count > 0 && random.Next(15) == 0) engine.Core.Cancel(open[random.Next(open.Count)]);
            if (random.Next(20) == 0) engine.Core.PauseYoungest();
            backend.FailNext = random.Next(60) == 0;
            engine.Core.Step();
            engine.Core.CheckInvariants();
            open.RemoveAll(request => request.IsFinished);
        }

        backend.FailNext = false;
        engine.Run();
        Assert.All(all, request => Assert.True(request.IsFinished));
        Assert.Equal(0, engine.Core.Pool.InUse);
        Assert.Equal(engine.Core.Pool.Total, engine.Core.Pool.Free + engine.Core.Pool.Cached);
        // The run had everything that the name says.
        Assert.Contains(all, request => request.Error is IOException);
        Assert.Contains(all, request => request.Error is null && request.Sequences.Any(s => s.Progress.Finish == FinishReason.Cancelled));
        Assert.Contains(all, request => request.Error is null && request.Sequences.All(s => s.Progress.Finish is FinishReason.Length or FinishReason.Stop));
        Assert.True(engine.Core.Metrics.CachedPromptTokens > 0);
        Assert.True(engine.Core.Metrics.SharedPromptTokens > 0);
        Assert.True(engine.Core.Metrics.RecomputedTokens > 0);
        Assert.Equal(all.Count, engine.Core.Metrics.Requests);
    }

    [Fact]
    public void A_mixed_batch_of_hits_and_misses_writes_only_its_own_pages()
    {
        using TestEngine engine = new(TestData.SampleModel, new EngineOptions { PrefillChunk = 40 });
        int[] document = [1, .. Enumerable.Range(0, 100).Select(i => 3 + i * 7 % 1000)];
        engine.Complete(document, new GenerateOptions { Temperature = 0, MaxTokens = 20, IgnoreEndOfText = true });
        List<Request> requests = [];
        for (int i = 0; i < 12; i++)
        {
            int[] prompt = i % 3 == 0 ? [.. Enumerable.Range(0, 50).Select(t => 3 + (t * i + t) % 1000)] : [.. document.AsSpan(0, 101 - 5 * i), 7 + i, 9];
            requests.Add(engine.Submit(prompt, new GenerateOptions { Temperature = 0, MaxTokens = 20, IgnoreEndOfText = true }));
        }

        Dictionary<int, ulong> before = [];
        while (engine.Core.HasWork)
        {
            before.Clear();
            for (int page = 1; page < engine.Core.Kv.PageCount; page++)
                if (engine.Core.Pool.Tree.Contains(page)) before.Add(page, Hash(engine.Core.Kv, page));
            engine.Core.Step();
            foreach ((int page, ulong hash) in before) Assert.Equal(hash, Hash(engine.Core.Kv, page));
        }

        Assert.True(before.Count > 20);
        Assert.All(requests, request => Assert.Null(request.Error));
        Assert.True(engine.Core.Metrics.CachedPromptTokens > 0);
    }

    [Fact]
    public void A_page_shared_by_two_requests_survives_the_end_of_the_first()
    {
        using TestEngine engine = new(TestData.SampleModel);
        int[] prompt = [1, .. Enumerable.Range(3, 40)];
        Request brief = engine.Submit(prompt, new GenerateOptions { Temperature = 0, MaxTokens = 2, IgnoreEndOfText = true });
        Request longer = engine.Submit(prompt, new GenerateOptions { Temperature = 0, MaxTokens = 30, IgnoreEndOfText = true });
        while (!brief.IsFinished) engine.Core.Step();
        while (longer.Sequences[0].Generated < 4) engine.Core.Step();
        Assert.True(engine.Core.Pool.InUse >= 3);
        engine.Core.CheckInvariants();
        engine.Run();
        Assert.Equal(TestEngine.Answer(brief), TestEngine.Answer(longer)[..2]);
    }

    [Fact]
    public void Requests_with_different_salts_share_nothing()
    {
        using TestEngine engine = new(TestData.SampleModel);
        int[] prompt = [1, .. Enumerable.Range(3, 64)];
        foreach (string? salt in new[] { "a", "b", null })
            engine.Complete(prompt, new GenerateOptions { Temperature = 0, MaxTokens = 2, CacheSalt = salt });
        Assert.Equal(0, engine.Core.Metrics.CachedPromptTokens + engine.Core.Metrics.SharedPromptTokens);
        engine.Complete(prompt, new GenerateOptions { Temperature = 0, MaxTokens = 2, CacheSalt = "b" });
        Assert.Equal(64, engine.Core.Metrics.CachedPromptTokens);
    }

    [Fact]
    public void Samples_of_one_prompt_are_one_prefill_and_branches()
    {
        using TestEngine engine = new(TestData.SampleModel);
        int[] prompt = [1, .. Enumerable.Range(3, 70)];
        Request request = engine.Submit(prompt, new GenerateOptions { N = 16, MaxTokens = 8, Seed = 5, IgnoreEndOfText = true });
        engine.Run();
        EngineMetrics metrics = engine.Core.Metrics;
        Assert.Equal((71, 71, 0, 16 * 8), (metrics.PromptTokens, metrics.ComputedPromptTokens, metrics.RecomputedTokens, metrics.GeneratedTokens));
        // One prompt, computed in one step, and one step for each further token of all samples together.
        Assert.Equal(8, metrics.Steps);
        Assert.True(metrics.PeakKvBytesUnshared > 2 * metrics.PeakKvBytes);
        Assert.True(request.Sequences.Select((_, i) => string.Join(' ', TestEngine.Answer(request, i))).Distinct(StringComparer.Ordinal).Count() > 8);
    }

    private static unsafe ulong Hash(KvPages kv, int page)
    {
        ulong hash = 14695981039346656037;
        for (int layer = 0; layer < kv.Layout.Layers; layer++)
        {
            for (int head = 0; head < kv.Layout.KvHeads; head++)
            {
                foreach (uint bits in new ReadOnlySpan<uint>(kv.Keys(layer, head, page), kv.Layout.KeyPageBytes / 4)) hash = (hash ^ bits) * 1099511628211;
                foreach (uint bits in new ReadOnlySpan<uint>(kv.Values(layer, head, page), kv.Layout.ValuePageBytes / 4)) hash = (hash ^ bits) * 1099511628211;
            }
        }

        return hash;
    }

    /// <summary>Fails now and then in the middle of a step.</summary>
    private sealed class FaultyBackend : IBackend
    {
        private readonly CpuBackend _inner = new(2);

        public bool FailNext { get; set; }

        public int Threads => _inner.Threads;

        public void Run<TWork>(TWork work, int items) where TWork : IParallelWork => _inner.Run(work, items);

        public ILinearWeights Load(params WeightTensor[] stacked) => _inner.Load(stacked);

        public void Embed(WeightTensor table, ReadOnlySpan<int> tokens, Matrix x) => _inner.Embed(table, tokens, x);

        public void Gather(Matrix x, ReadOnlySpan<int> rows, Matrix y) => _inner.Gather(x, rows, y);

        public void RmsNorm(Matrix x, ReadOnlySpan<float> weight, float epsilon, Matrix y) => _inner.RmsNorm(x, weight, epsilon, y);

        public void LayerNorm(Matrix x, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float epsilon, Matrix y) => _inner.LayerNorm(x, weight, bias, epsilon, y);

        public void Linear(Matrix x, ILinearWeights weights, Matrix y) => _inner.Linear(x, weights, y);

        public void AddBias(ReadOnlySpan<float> bias, Matrix y) => _inner.AddBias(bias, y);

        public void Rope(Matrix heads, int headSize, RopeTable table, ReadOnlySpan<int> positions) => _inner.Rope(heads, headSize, table, positions);

        public void Store(KvPages kv, int layer, Matrix keys, Matrix values, Batch batch) => _inner.Store(kv, layer, keys, values, batch);

        public void Attend(KvPages kv, int layer, Matrix q, AttentionRule rule, Batch batch, AttentionPlan plan, Matrix output)
        {
            if (FailNext && layer == 2) throw new IOException("A fault made by the test.");
            _inner.Attend(kv, layer, q, rule, batch, plan, output);
        }

        public void Gate(Activation f, Matrix gate, Matrix up, Matrix y) => _inner.Gate(f, gate, up, y);

        public void Activate(Activation f, Matrix x, Matrix y) => _inner.Activate(f, x, y);

        public void Combine(Matrix x, ReadOnlySpan<int> places, ReadOnlySpan<float> weights, Matrix y) => _inner.Combine(x, places, weights, y);

        public void Scale(float factor, Matrix y) => _inner.Scale(factor, y);

        public void SoftCap(float cap, Matrix y) => _inner.SoftCap(cap, y);

        public void Add(Matrix x, Matrix y) => _inner.Add(x, y);

        public void Dispose() => _inner.Dispose();
    }
}
