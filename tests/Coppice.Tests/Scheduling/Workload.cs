using System.Runtime.InteropServices;
using Coppice.Scheduling;
using Coppice.Tests.Golden;

namespace Coppice.Tests.Scheduling;

/// <summary>Random requests whose prompts share beginnings, and what each of them saw: every logit of every token, as a hash.</summary>
internal sealed class Workload
{
    private readonly List<(int[] Prompt, GenerateOptions Options)> _requests = [];

    public Workload(int seed, int vocabulary, int requests, int longestPrompt)
    {
        Random random = new(seed);
        List<int[]> prompts = [];
        for (int i = 0; i < requests; i++)
        {
            // A beginning of an earlier prompt, cut anywhere, or a new one; and sometimes the very same prompt.
            int[] from = prompts.Count > 0 && random.Next(5) > 0 ? prompts[random.Next(prompts.Count)] : [];
            int shared = random.Next(4) == 0 ? from.Length : random.Next(from.Length + 1);
            int own = shared > 0 && random.Next(4) == 0 ? 0 : random.Next(1, 40);
            int[] prompt = [.. from.AsSpan(0, shared), .. Enumerable.Range(0, Math.Max(own, shared == 0 ? 1 : 0)).Select(_ => random.Next(3, vocabulary))];
            if (prompt.Length > longestPrompt || prompts.Count == 0)
                prompt = [.. Enumerable.Range(0, random.Next(1, longestPrompt)).Select(_ => random.Next(3, vocabulary))];
            prompts.Add(prompt);
            bool greedy = random.Next(2) == 0;
            _requests.Add((prompt, new GenerateOptions
            {
                N = random.Next(3) == 0 ? random.Next(2, 5) : 1,
                MaxTokens = random.Next(1, 36),
                Temperature = greedy ? 0 : 0.5f + (float)random.NextDouble(),
                TopP = random.Next(2) == 0 ? 1 : 0.9f,
                RepetitionPenalty = random.Next(4) == 0 ? 1.2f : 1,
                Seed = random.Next(),
                IgnoreEndOfText = random.Next(4) > 0,
                CacheSalt = random.Next(6) == 0 ? "other" : null,
            }));
        }
    }

    public int Count => _requests.Count;

    public Request Submit(TestEngine engine, int index) => engine.Submit(_requests[index].Prompt, _requests[index].Options);

    /// <summary>Every request alone, in an engine of its own pages: nothing cached, nothing shared.</summary>
    public Trace Alone(string model, KvFormat format, int window = 0) => Alone(model, new EngineOptions { Attention = AttentionMode.PerSequence, Kv = format, Threads = 1 }, window);

    /// <inheritdoc cref="Alone(string, KvFormat, int)"/>
    public Trace Alone(string model, EngineOptions options, int window = 0)
    {
        Trace trace = new(this);
        using TestEngine engine = new(model, options, window: window);
        trace.Watch(engine);
        for (int i = 0; i < Count; i++)
        {
            // A salt of its own keeps each request from finding what an earlier one left.
            Request request = engine.Submit(_requests[i].Prompt, _requests[i].Options with { CacheSalt = $"alone {i}" });
            trace.Name(request, i);
            engine.Run();
            trace.Check(request);
        }

        return trace;
    }

    /// <summary>Hashes of logits, by request, sample and token.</summary>
    internal sealed class Trace(Workload workload)
    {
        private readonly Dictionary<Request, int> _names = [];
        private readonly Dictionary<(int Request, int Sample, int Token), ulong> _hashes = [];
        private readonly Dictionary<(int Request, int Sample), int[]> _answers = [];

        public int Logits => _hashes.Count;

        public void Name(Request request, int index) => _names[request] = index;

        public void Watch(TestEngine engine) => engine.Core.Observer = (sequence, logits) =>
        {
            ulong hash = 14695981039346656037;
            foreach (uint bits in MemoryMarshal.Cast<float, uint>(logits)) hash = (hash ^ bits) * 1099511628211;
            (int, int, int) key = (_names[sequence.Request], sequence.Index, sequence.Generated);
            if (_hashes.TryGetValue(key, out ulong before)) Assert.Equal(before, hash);
            else _hashes.Add(key, hash);
        };

        public void Check(Request request)
        {
            Assert.Null(request.Error);
            Assert.True(request.IsFinished);
            for (int sample = 0; sample < request.Sequences.Length; sample++)
            {
                int[] answer = TestEngine.Answer(request, sample);
                if (!_answers.TryAdd((_names[request], sample), answer)) Assert.Equal(_answers[(_names[request], sample)], answer);
            }
        }

        /// <summary>The workload once more, under other circumstances: every logit must have the bits that it had before.</summary>
        public void SameBits(TestEngine engine, Random random)
        {
            Watch(engine);
            List<Request> requests = [];
            int[] order = [.. Enumerable.Range(0, workload.Count)];
            random.Shuffle(order);
            int next = 0;
            while (next < order.Length || engine.Core.HasWork)
            {
                while (next < order.Length && random.Next(3) > 0)
                {
                    Request request = workload.Submit(engine, order[next]);
                    Name(request, order[next++]);
                    requests.Add(request);
                }

                if (random.Next(12) == 0) engine.Core.PauseYoungest();
                engine.Core.Step();
                engine.Core.CheckInvariants();
            }

            foreach (Request request in requests) Check(request);
        }
    }
}
