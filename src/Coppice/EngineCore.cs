using System.Collections.Concurrent;
using System.Diagnostics;
using Coppice.Attention;
using Coppice.Backends;
using Coppice.Constraints;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Memory;
using Coppice.Models;
using Coppice.Sampling;
using Coppice.Scheduling;
using Coppice.Tokens;

namespace Coppice;

/// <summary>
/// The one loop: each <see cref="Step"/> computes one batch. One thread steps; any thread submits.
/// </summary>
internal sealed class EngineCore : IDisposable
{
    /// <summary>Most rows of an attention task.</summary>
    public const int GroupRows = 256;

    /// <summary>Logits kept at once for texts being scored, beside a row for each sequence of the batch: 64 MiB.</summary>
    private const int ScoredLogits = 1 << 24;
    private const int LeastScoredRows = 16;

    private readonly IBackend _backend;
    private readonly Decoder _model;
    private readonly KvPages _kv;
    private readonly PagePool _pool;
    private readonly Scheduler _scheduler;
    private readonly IAttentionPolicy _policy;
    private readonly AttentionPlan _plan;
    private readonly AttentionPlan? _whole;
    private readonly TreePolicy _tree = new();
    private readonly SharingTally _sharing = new();
    private readonly ConcurrentQueue<TreeQuestion> _questions = new();
    private readonly StepArena _arena = new();
    private readonly Draws _draws;
    private readonly Sequence[] _drawing;
    private readonly Tokenizer _tokenizer;
    private readonly ConstraintCache _constraints;
    private readonly Sequence[] _branches;
    private readonly ConcurrentQueue<Request> _incoming = new();
    private readonly Lock _metricsLock = new();
    private readonly int _threads;
    private readonly (int Window, int Layers)[] _windows;
    private readonly Pins _pins;
    private int _cancelled;
    private EngineCounters _counters;

    public EngineCore(ModelSource source, Tokenizer tokenizer, IBackend backend, EngineOptions options)
    {
        Config = source.Config;
        Options = EngineLimits.Resolve(options, Config);
        _tokenizer = tokenizer;
        _backend = backend;
        _threads = backend.Threads;
        MaxContextTokens = Options.MaxContextTokens!.Value;
        EndOfTextTokens = [.. source.EndOfTextTokens.Where(tokenizer.Has)];
        KvLayout layout = AttentionPolicies.Layout(KvLayout.Of(Config, Options.Kv), Options, Config.Heads / Config.KvHeads);
        _kv = new KvPages(layout, EngineLimits.Pages(Options, layout) + 1);
        _pool = new PagePool(_kv);
        _scheduler = new Scheduler(_kv, _pool, Options.MaxBatch, Options.PrefillChunk, Config.LargestWindow, AttentionPolicies.Reuse(Options.Attention), Options.MaxBatchPerOwner) { MostScoredRows = Math.Max(LeastScoredRows, ScoredLogits / tokenizer.VocabularySize) };
        _model = new Decoder(source, backend, MaxContextTokens, CacheTokens, tokenizer.VocabularySize);
        _pins = new Pins(_pool, AttentionPolicies.Reuse(Options.Attention) == PageReuse.None ? 0 : Math.Max(0, _pool.Total - _scheduler.MostPages(MaxContextTokens)));
        _windows = [.. Enumerable.Range(0, Config.Layers).GroupBy(Config.WindowOf).Select(layers => (layers.Key, layers.Count()))];
        _policy = AttentionPolicies.Create(Options, Config.HeadSize, Config.Heads / Config.KvHeads);
        if (_policy is ISparsePolicy) _whole = new AttentionPlan(Options.MaxBatch + Options.PrefillChunk, GroupRows);
        _plan = new AttentionPlan(Options.MaxBatch + Options.PrefillChunk, GroupRows);
        _draws = new Draws(backend, tokenizer.VocabularySize, Options.MaxBatch);
        _drawing = new Sequence[Options.MaxBatch];
        _constraints = new ConstraintCache(tokenizer);
        _branches = new Sequence[Options.MaxBatch];
    }

    public ModelConfig Config { get; }

    /// <summary>With every default filled in.</summary>
    public EngineOptions Options { get; }

    public int MaxContextTokens { get; }

    public int[] EndOfTextTokens { get; }

    public long WeightBytes => _model.WeightBytes;

    /// <summary>The longest sequence that the whole cache can hold, or can hold the window of.</summary>
    private int CacheTokens => _pool.Total >= _scheduler.MostPages(MaxContextTokens) ? MaxContextTokens : (int)Math.Min(int.MaxValue, (long)_pool.Total * KvLayout.PageTokens);

    public bool HasWork => _scheduler.HasWork || !_incoming.IsEmpty || !_questions.IsEmpty || _pins.HasWork;

    /// <summary>Throws if a request cannot be run.</summary>
    public void Check(ReadOnlySpan<int> prompt, GenerateOptions options)
    {
        OptionLimits.Check(options, _tokenizer.Ids);
        CheckTokens(prompt, "prompt", spare: options.MaxTokens == 0 ? 0 : 1);
        if (options.DecodeFrom is int from && (uint)from > (uint)prompt.Length)
            throw new InvalidRequestException($"{nameof(options.DecodeFrom)} is {from}; the prompt has {prompt.Length} tokens, so it must be 0 to {prompt.Length}.");
    }

    /// <summary>Throws if tokens cannot be scored.</summary>
    public void Check(ReadOnlySpan<int> tokens, int scoredFrom, ScoreOptions options)
    {
        OptionLimits.Check(options, _tokenizer.Ids);
        CheckTokens(tokens, "text", spare: 0);
        if (scoredFrom < 1 || scoredFrom > tokens.Length)
            throw new InvalidRequestException($"Scoring is to begin at token {scoredFrom} of {tokens.Length}; it must be 1 to {tokens.Length}: nothing predicts the first token.");
    }

    private void CheckTokens(ReadOnlySpan<int> tokens, string what, int spare)
    {
        if (tokens.Length == 0) throw new InvalidRequestException($"The {what} has no tokens; it needs at least one.");
        foreach (int token in tokens)
            if (_tokenizer.Ids.Refusal(token) is string why) throw new InvalidRequestException($"The {what} has token {token}, {why}.");
        string answer = spare > 0 ? ", the answer included" : "";
        if (tokens.Length > MaxContextTokens - spare)
            throw new ContextTooLongException($"The {what} has {tokens.Length} tokens and the model takes {MaxContextTokens}{answer}. Shorten it{(MaxContextTokens < Config.MaxContextTokens ? $" or raise {nameof(EngineOptions.MaxContextTokens)} (at most {Config.MaxContextTokens})" : "")}.");
        if (tokens.Length > CacheTokens - spare)
            throw new ContextTooLongException($"The {what} has {tokens.Length} tokens and the cache holds {CacheTokens}{answer}. Shorten it or raise {nameof(EngineOptions.KvBytes)} (now {Options.KvBytes}).");
    }

    /// <summary>Checks a request and queues it. Any thread.</summary>
    public Request Submit(int[] prompt, GenerateOptions options, WakeOn wake)
    {
        Check(prompt, options);
        int maxTokens = (int)Math.Min((long)prompt.Length + (options.MaxTokens ?? int.MaxValue), Math.Min(MaxContextTokens, CacheTokens));
        bool beginsText = TextStream.BeginsText(_tokenizer, prompt);
        ConstraintCursor? constraint = options.Constraint is null ? null : _constraints.Begin(options.Constraint, beginsText);
        var first = new SamplingState(options, prompt, EndOfTextTokens, _tokenizer.VocabularySize, maxTokens - prompt.Length, constraint);
        var request = new Request(prompt, options, maxTokens, wake, first, beginsText);
        _incoming.Enqueue(request);
        return request;
    }

    /// <summary>Checks a scoring request and queues it; at least the last token is to be scored. Any thread.</summary>
    public Request Submit(int[] tokens, int scoredFrom, ScoreOptions options)
    {
        Check(tokens, scoredFrom, options);
        GenerateOptions generate = new() { CacheSalt = options.CacheSalt, Priority = options.Priority, Owner = options.Owner, OwnerWeight = options.OwnerWeight };
        return Queue(tokens[..^1], generate, scores: new Scores(tokens, scoredFrom, options.TopLogProbs, options.AsDecode));
    }

    /// <summary>Checks a prompt that is computed for prompts to come, with nothing generated, and queues it. Any thread.</summary>
    public Request SubmitPrefill(int[] prompt, GenerateOptions options)
    {
        Check(prompt, options);
        return Queue(prompt, new GenerateOptions { MaxTokens = 0, CacheSalt = options.CacheSalt, Priority = options.Priority, Owner = options.Owner, OwnerWeight = options.OwnerWeight });
    }

    /// <summary>Checks an embedding request and queues it. Any thread.</summary>
    public Request Submit(int[] tokens, EmbedOptions options)
    {
        OptionLimits.Check(options);
        CheckTokens(tokens, "text", spare: 0);
        GenerateOptions generate = new() { CacheSalt = options.CacheSalt, Priority = options.Priority, Owner = options.Owner, OwnerWeight = options.OwnerWeight };
        return Queue(tokens, generate, pooling: new Pooling(tokens.Length, Config.HiddenSize, options.Pooling));
    }

    /// <summary>Reserves room for a pin of a prompt's full pages. Any thread.</summary>
    public PinnedPages Reserve(ReadOnlySpan<int> tokens)
    {
        CheckTokens(tokens, "prefix", spare: 1);
        int pages = tokens.Length / KvLayout.PageTokens;
        if (_pins.TryReserve(pages)) return new PinnedPages(pages, pages * _kv.Layout.PageBytes);
        throw new InvalidRequestException(AttentionPolicies.Reuse(Options.Attention) == PageReuse.None
            ? $"{nameof(EngineOptions.Attention)} is {Options.Attention}, where prompts are not shared: nothing can be pinned."
            : $"The prefix takes {pages} pages of {KvLayout.PageTokens} tokens. All pins may take {_pins.MostPages}, and {_pins.Reserved} are taken; the rest of the cache is for the longest request. Pin less, raise {nameof(EngineOptions.KvBytes)} (now {Options.KvBytes}) or lower {nameof(EngineOptions.MaxContextTokens)} (now {MaxContextTokens}).");
    }

    /// <summary>Queues the computation of a reserved pin of one page or more. Any thread.</summary>
    public Request Submit(int[] tokens, PinnedPages pin, GenerateOptions generate) => Queue(tokens[..(pin.Places * KvLayout.PageTokens)], generate, pin: pin);

    /// <summary>Gives a pin's pages and its room back at the next step; a second time does nothing. Any thread.</summary>
    public void Unpin(PinnedPages pin) => _pins.Leave(pin);

    /// <summary>Queues a prompt that nothing is generated after.</summary>
    private Request Queue(int[] prompt, GenerateOptions generate, Scores? scores = null, Pooling? pooling = null, PinnedPages? pin = null)
    {
        var sampling = new SamplingState(generate, prompt, EndOfTextTokens, _tokenizer.VocabularySize, maxAnswerTokens: 0);
        var request = new Request(prompt, generate, prompt.Length, WakeOn.Finish, sampling, beginsText: false) { Scores = scores, Pooling = pooling, Pin = pin };
        _incoming.Enqueue(request);
        return request;
    }

    /// <summary>Ends a request at the next step. Any thread.</summary>
    public void Cancel(Request request)
    {
        request.Cancel();
        Volatile.Write(ref _cancelled, 1);
    }

    /// <summary>Asks for a look at the prefix tree, taken between two steps. Any thread.</summary>
    public void Ask(TreeQuestion question) => _questions.Enqueue(question);

    /// <summary>Looks at the prefix tree. Between two steps.</summary>
    public void Answer(TreeQuestion question) => question.Answer(() => TreeSurvey.Take(_pool, _scheduler, _plan, Options.Attention, _pins.Pages, question.Wants));

    /// <summary>Computes one batch. False if there was nothing to do.</summary>
    public bool Step()
    {
        // One look between two steps, so that many who ask do not hold up those who wait for tokens.
        if (_questions.TryDequeue(out TreeQuestion? question)) Answer(question);
        while (_incoming.TryDequeue(out Request? request))
        {
            request.Root = _pool.Tree.Root(request.Options.CacheSalt, _scheduler.Roots);
            _scheduler.Submit(request);
        }

        _pins.Release();
        if (Interlocked.Exchange(ref _cancelled, 0) != 0) _scheduler.DropCancelled();
        long start = Stopwatch.GetTimestamp();
        Batch batch = _scheduler.NextBatch();
        if (batch.IsEmpty) return !_questions.IsEmpty;
        _arena.Reset();
        _plan.Begin(batch, Config.LargestWindow);
        _policy.Plan(batch, _plan);
        _plan.Finish(Config.KvHeads, _threads);
        if (_plan.Sparse is not null)
        {
            _whole!.Begin(batch, Config.LargestWindow);
            _tree.Plan(batch, _whole);
            _whole.Finish(Config.KvHeads, _threads);
            _plan.Whole = _whole;
        }

        Matrix logits, hidden;
        try
        {
            logits = _model.Forward(batch, _plan, _kv, _arena, out hidden);
        }
        catch (Exception error)
        {
            // Nobody can tell whose fault it was: all that were computed fail, and what they held comes back.
            foreach (Sequence sequence in _scheduler.BatchSequences.ToArray()) Fail(sequence, error);
            return true;
        }

        for (int row = 0; row < logits.Rows; row++)
            foreach (int gap in _tokenizer.Ids.Gaps) logits.Row(row)[gap] = float.NegativeInfinity;
        Count();
        Commit(batch, logits, hidden);
        lock (_metricsLock) _counters.StepTicks += Stopwatch.GetTimestamp() - start;
        return true;
    }

    public EngineMetrics Metrics
    {
        get
        {
            lock (_metricsLock)
            {
                SchedulerCounters scheduler = _scheduler.Counters;
                long pageBytes = _kv.Layout.PageBytes, readBytes = _kv.Layout.HistoryPageBytes;
                SparseTraffic sparse = (_policy as ISparsePolicy)?.Traffic ?? default;
                return new EngineMetrics
                {
                    Requests = scheduler.FinishedRequests,
                    PromptTokens = scheduler.PromptTokens,
                    ComputedPromptTokens = scheduler.ComputedPromptTokens,
                    CachedPromptTokens = scheduler.CachedPromptTokens,
                    SharedPromptTokens = scheduler.SharedPromptTokens,
                    RecomputedTokens = scheduler.RecomputedTokens,
                    GeneratedTokens = _counters.GeneratedTokens,
                    ScoredTokens = _counters.ScoredTokens,
                    Steps = _counters.Steps,
                    StepSeconds = (double)_counters.StepTicks / Stopwatch.Frequency,
                    KvBytesRead = _counters.LayerPagesRead * (readBytes / Config.Layers) + sparse.Bytes,
                    KvBytesReadPerSequence = _counters.LayerPagesReadPerSequence * (readBytes / Config.Layers),
                    ExactDecodeRows = _counters.DecodeRows - _counters.SparseRows,
                    SparseDecodeRows = _counters.SparseRows,
                    SparseBytesRead = sparse.Bytes,
                    SparseBytesExact = sparse.ExactBytes,
                    PeakKvBytes = _counters.PeakPages * pageBytes,
                    PeakKvBytesUnshared = _counters.PeakPagesUnshared * pageBytes,
                    KvBytesLimit = _pool.Total * pageBytes,
                    KvBytesHeld = _pool.InUse * pageBytes,
                    KvBytesPinned = _pins.Reserved * pageBytes,
                    KvBytesCached = _pool.Cached * pageBytes,
                    KvBytesEvicted = _pool.Tree.Evicted * pageBytes,
                    Sharing = _sharing.Total(readBytes / Config.Layers, sparse.Bytes),
                    RunningSamples = _scheduler.Running.Length,
                    WaitingSamples = _scheduler.WaitingCount,
                };
            }
        }
    }

    /// <summary>Sees each row of logits before a token is drawn from it. For tests: it may hold up the loop.</summary>
    public LogitsObserver? Observer { get; set; }

    /// <summary>The pages. For tests.</summary>
    public PagePool Pool => _pool;

    /// <summary>What is in the pages. For tests.</summary>
    public KvPages Kv => _kv;

    /// <summary>Pauses the youngest running sequence, as a lack of pages would. For tests.</summary>
    public void PauseYoungest()
    {
        if (_scheduler.Running.Length > 0) _scheduler.PauseYoungest();
    }

    /// <summary>Throws if pages were lost or are counted twice.</summary>
    public void CheckInvariants() => _scheduler.CheckInvariants(_pins.Pages);

    /// <summary>Ends everything that has not ended.</summary>
    public void FailAll(Exception error)
    {
        while (_incoming.TryDequeue(out Request? request)) request.Fail(error);
        FailQuestions(error);
        foreach (Sequence sequence in _scheduler.All()) Fail(sequence, error);
    }

    /// <summary>Ends the questions that have no answer yet.</summary>
    public void FailQuestions(Exception error)
    {
        while (_questions.TryDequeue(out TreeQuestion? question)) question.Fail(error);
    }

    public void Dispose()
    {
        _model.Dispose();
        _kv.Dispose();
        _arena.Dispose();
        _backend.Dispose();
    }

    private void Count()
    {
        int unshared = 0;
        foreach (Sequence sequence in _scheduler.Running) unshared += sequence.Table.Count - sequence.Table.Trimmed;
        lock (_metricsLock)
        {
            _counters.Steps++;
            foreach ((int window, int layers) in _windows)
            {
                AttentionPlan plan = window > 0 && _plan.Sparse is not null ? _plan.Whole! : _plan;
                (long read, long perSequence) = plan.PagesReadWith(window);
                _sharing.Add(plan, window, layers);
                _counters.LayerPagesRead += read * layers;
                _counters.LayerPagesReadPerSequence += perSequence * layers;
            }

            _counters.DecodeRows += _plan.DecodeRows;
            _counters.SparseRows += _plan.SparseRows;
            if (_pool.InUse > _counters.PeakPages)
            {
                _counters.PeakPages = _pool.InUse;
                _counters.PeakPagesUnshared = unshared;
            }
        }
    }

    /// <summary>Publishes what was computed and draws the next tokens.</summary>
    private void Commit(Batch batch, Matrix logits, Matrix hidden)
    {
        ReadOnlySpan<BatchSegment> segments = batch.Segments;
        ReadOnlySpan<Sequence> sequences = _scheduler.BatchSequences;
        for (int i = 0; i < sequences.Length; i++)
        {
            Sequence sequence = sequences[i];
            if (sequence.Request.IsFinished) continue;          // failed with another of its samples
            _scheduler.Computed(sequence, segments[i].Rows);
            _scheduler.Publish(sequence);
            if (sequence.LogitRows == 0) continue;
            if (sequence.Request.Scores is { } scores)
            {
                Score(sequence, scores, logits);
                continue;
            }

            if (sequence.Request.Pooling is { } pooling)
            {
                for (int row = 0; row < sequence.LogitRows; row++) pooling.Add(hidden.Row(sequence.LogitRow + row));
                if (sequence.Computed == sequence.Length) End(sequence);
                continue;
            }

            if (sequence.Request.Pin is { } pin)
            {
                _pins.Hold(pin, sequence.Table);
                End(sequence);
                continue;
            }

            if (sequence.Request.Options.MaxTokens == 0)
            {
                End(sequence);
                continue;
            }

            bool promptDone = sequence.Index == 0 && sequence.Generated == 0;
            int branches = promptDone ? _scheduler.Branch(sequence, _branches) : 0;
            Draw(sequence, sequence.LogitRow, logits);
            foreach (Sequence branch in _branches.AsSpan(0, branches)) Draw(branch, sequence.LogitRow, logits);
        }

        _draws.Run(logits);
        for (int i = 0; i < _draws.Count; i++) Take(_drawing[i], _draws[i]);
        Array.Clear(_drawing, 0, _draws.Count);
        _draws.Clear();
    }

    private void Score(Sequence sequence, Scores scores, Matrix logits)
    {
        try
        {
            for (int i = 0; i < sequence.LogitRows; i++)
            {
                ReadOnlySpan<float> row = logits.Row(sequence.LogitRow + i);
                scores.Add(row, _draws.Sampler.FindPeak(row));
            }
        }
        catch (LogitsException error)
        {
            Fail(sequence, error);
            return;
        }

        _counters.ScoredTokens += sequence.LogitRows;
        if (sequence.Computed == sequence.Length) End(sequence);
    }

    private void Draw(Sequence sequence, int row, Matrix logits)
    {
        Observer?.Invoke(sequence, logits.Row(row));
        _drawing[_draws.Count] = sequence;
        _draws.Add(sequence.Sampling, row, sequence.Request.Options.LogProbs);
    }

    /// <summary>Adds a drawn token to its sequence, unless another sample of the request has failed.</summary>
    private void Take(Sequence sequence, in Draws.Drawing drawn)
    {
        Request request = sequence.Request;
        if (request.IsFinished) return;
        if (drawn.Error is { } error)
        {
            Fail(sequence, error);
            return;
        }

        int token = drawn.Token;
        _counters.GeneratedTokens++;
        FinishReason? finish = null;
        if (sequence.Sampling.IsEnd(token) || sequence.Sampling.IsComplete) finish = FinishReason.Stop;
        else if (sequence.Stop is not null && StopTextEnds(sequence, token)) finish = FinishReason.Stop;
        else if (sequence.Length + 1 >= request.MaxTokens) finish = FinishReason.Length;
        sequence.Append(token, drawn.Chosen, finish);
        if (finish is not null)
        {
            End(sequence);
        }
        else if (request.Wake == WakeOn.Token)
        {
            request.Signal();
        }
    }

    /// <summary>The sequence has all it should have.</summary>
    private void End(Sequence sequence)
    {
        _scheduler.Finish(sequence);
        sequence.Request.FinishOne();
        if (sequence.Request.IsFinished) _scheduler.Counters.FinishedRequests++;
    }

    private bool StopTextEnds(Sequence sequence, int token)
    {
        ReadOnlySpan<byte> bytes = _tokenizer.BytesAt(token, ref sequence.BeginsText);
        if (sequence.Generated >= sequence.Request.Options.MinTokens) return sequence.Stop!.Append(bytes);
        sequence.Stop!.Pass(bytes);
        return false;
    }

    private void Fail(Sequence sequence, Exception error)
    {
        if (sequence.Request.IsFinished) return;
        foreach (Sequence sample in sequence.Request.Sequences) _scheduler.Finish(sample);
        sequence.Request.Fail(error);
        _scheduler.Counters.FinishedRequests++;
    }

    private struct EngineCounters
    {
        public long GeneratedTokens, ScoredTokens, Steps, StepTicks, LayerPagesRead, LayerPagesReadPerSequence, DecodeRows, SparseRows;
        public int PeakPages, PeakPagesUnshared;
    }
}

/// <summary>Looks at the logits of a sequence's next token, [V].</summary>
internal delegate void LogitsObserver(Sequence sequence, ReadOnlySpan<float> logits);
