using System.Runtime.CompilerServices;
using System.Text;
using Coppice.Backends;
using Coppice.Kernels;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Scheduling;
using Coppice.Tokens;

namespace Coppice;

/// <summary>
/// A model that answers prompts. Prompts may come from any thread and at any time: they are computed together, and what
/// they share is computed once and read once per step. An answer never depends on what else runs.
/// </summary>
public sealed class Engine : IDisposable
{
    private readonly ModelSource _source;
    private readonly EngineCore _core;
    private readonly Thread _thread;
    private readonly AutoResetEvent _wake = new(false);
    private volatile bool _stopping;

    private Engine(ModelSource source, Tokenizer tokenizer, ChatTemplates? chatTemplates, EngineCore core)
    {
        _source = source;
        Tokenizer = tokenizer;
        ChatTemplates = chatTemplates;
        _core = core;
        _thread = new Thread(Loop) { IsBackground = true, Name = "Coppice engine" };
        _thread.Start();
    }

    /// <summary>The model's tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The chat templates that come with the model; null if there are none.</summary>
    public ChatTemplates? ChatTemplates { get; }

    /// <summary>The model's sizes.</summary>
    public ModelConfig Config => _core.Config;

    /// <summary>The options in force, every default filled in.</summary>
    public EngineOptions Options => _core.Options;

    /// <summary>What the engine has done so far.</summary>
    public EngineMetrics Metrics => _core.Metrics;

    /// <summary>Bytes of the weights in memory.</summary>
    public long WeightBytes => _core.WeightBytes;

    /// <summary>The loop itself. For tests.</summary>
    internal EngineCore Core => _core;

    /// <summary>Opens a model.</summary>
    /// <param name="modelPath">A Hugging Face folder, or a .gguf file.</param>
    /// <param name="options">What the engine may use.</param>
    /// <exception cref="ModelFormatException">The files are not what they should be, or something this version does not run.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static Engine Open(string modelPath, EngineOptions? options = null)
    {
        Isa.ThrowIfUnknown();
        options ??= new EngineOptions();
        ModelSource source = ModelSource.Open(modelPath);
        try
        {
            Tokenizer tokenizer = ModelTokenizer.Load(source);
            return new Engine(source, tokenizer, ChatTemplates.Of(source), new EngineCore(source, tokenizer, new CpuBackend(EngineLimits.Threads(options), options.Weights, options.Placement), options));
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Continues a prompt. Chunks of several samples come interleaved, as they are made.</summary>
    /// <param name="prompt">Text; the beginning-of-text token is added as the model's tokenizer says.</param>
    /// <param name="options">How to continue.</param>
    /// <param name="cancellationToken">Ends the request: its pages come back at the next step.</param>
    /// <exception cref="InvalidRequestException">An option is out of its range.</exception>
    /// <exception cref="ContextTooLongException">The prompt does not fit.</exception>
    public IAsyncEnumerable<GenerateChunk> GenerateAsync(string prompt, GenerateOptions? options = null, CancellationToken cancellationToken = default) =>
        GenerateAsync(Tokenizer.Encode(prompt), options, cancellationToken);

    /// <summary>Continues a prompt given as token ids; nothing is added to it.</summary>
    /// <inheritdoc cref="GenerateAsync(string, GenerateOptions?, CancellationToken)"/>
    public IAsyncEnumerable<GenerateChunk> GenerateAsync(ReadOnlyMemory<int> promptTokens, GenerateOptions? options = null, CancellationToken cancellationToken = default) =>
        options?.BestOf > options?.N ? throw new InvalidRequestException($"{nameof(options.BestOf)} is {options!.BestOf} and {nameof(options.N)} is {options.N}; the best are known when all have ended, so use {nameof(CompleteAsync)}.") :
        options?.MaxTokens == 0 ? throw new InvalidRequestException($"{nameof(options.MaxTokens)} is 0: nothing is generated that could be streamed, so use {nameof(CompleteAsync)}.") :
        Stream(Checked(promptTokens, options), options ?? new GenerateOptions(), WakeOn.Token, cancellationToken);

    /// <summary>Continues a prompt and returns when all of its samples have ended.</summary>
    /// <inheritdoc cref="GenerateAsync(string, GenerateOptions?, CancellationToken)"/>
    public Task<GenerateResult> CompleteAsync(string prompt, GenerateOptions? options = null, CancellationToken cancellationToken = default) =>
        CompleteAsync(Tokenizer.Encode(prompt), options, cancellationToken);

    /// <summary>Continues a prompt given as token ids and returns when all of its samples have ended.</summary>
    /// <inheritdoc cref="GenerateAsync(string, GenerateOptions?, CancellationToken)"/>
    public async Task<GenerateResult> CompleteAsync(ReadOnlyMemory<int> promptTokens, GenerateOptions? options = null, CancellationToken cancellationToken = default)
    {
        GenerateOptions asked = options ?? new GenerateOptions();
        int[] prompt = Checked(promptTokens, asked);
        if (asked.MaxTokens == 0) return await PrefillAsync(prompt, asked, cancellationToken).ConfigureAwait(false);
        int samples = asked.Samples;
        options = samples > asked.N ? asked with { LogProbs = asked.LogProbs ?? 0 } : asked;     // which are the best, their log probabilities say
        StringBuilder[] texts = new StringBuilder[samples];
        List<int>[] tokens = new List<int>[samples];
        List<ChosenLogProb>?[] logProbs = new List<ChosenLogProb>?[samples];
        FinishReason[] finish = new FinishReason[samples];
        for (int i = 0; i < samples; i++)
        {
            texts[i] = new StringBuilder();
            tokens[i] = [];
            logProbs[i] = options.LogProbs is null ? null : [];
        }

        Usage usage = new(prompt.Length, 0, 0);
        await foreach (GenerateChunk chunk in Stream(prompt, options, WakeOn.Finish, cancellationToken).ConfigureAwait(false))
        {
            texts[chunk.Index].Append(chunk.Text);
            tokens[chunk.Index].Add(chunk.Token);
            if (chunk.LogProb is not null) logProbs[chunk.Index]!.Add(chunk.LogProb);
            if (chunk.Finish is { } reason) finish[chunk.Index] = reason;
            usage = chunk.Usage ?? usage;
        }

        GenerateChoice[] choices = new GenerateChoice[samples];
        for (int i = 0; i < samples; i++) choices[i] = new GenerateChoice(i, texts[i].ToString(), tokens[i], logProbs[i], finish[i]);
        return new GenerateResult(samples > asked.N ? BestChoices.Of(choices, asked) : choices, usage);
    }

    /// <summary>
    /// The log probabilities of given tokens. Many texts with a common beginning, such as one question with several answers, are
    /// scored by many calls at the same time: what they have in common is computed once. The results are the same bits as each alone has.
    /// </summary>
    /// <param name="tokens">The text, whole; nothing is added to it.</param>
    /// <param name="scoredFrom">The first token that is scored, from 1 (nothing predicts the first) to the number of tokens (none is scored).</param>
    /// <param name="options">What is reported.</param>
    /// <param name="cancellationToken">Ends the request: its pages come back at the next step.</param>
    /// <exception cref="InvalidRequestException">An argument is out of its range.</exception>
    /// <exception cref="ContextTooLongException">The text does not fit.</exception>
    public async Task<ScoreResult> ScoreAsync(ReadOnlyMemory<int> tokens, int scoredFrom, ScoreOptions? options = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_stopping, this);
        cancellationToken.ThrowIfCancellationRequested();
        options ??= new ScoreOptions();
        _core.Check(tokens.Span, scoredFrom, options);
        if (scoredFrom == tokens.Length) return new ScoreResult([], new Usage(tokens.Length, 0, 0));
        Request request = await EndAsync(_core.Submit(tokens.ToArray(), scoredFrom, options), cancellationToken).ConfigureAwait(false);
        return new ScoreResult(request.Scores!.All, new Usage(tokens.Length, request.CachedTokens, 0));
    }

    /// <summary>
    /// A text as a vector: its hidden states after the model's last norm, pooled. The bits do not depend on what else runs. Models that were
    /// trained for it give the best ones.
    /// </summary>
    /// <param name="tokens">The text; nothing is added to it.</param>
    /// <param name="options">How it is pooled.</param>
    /// <param name="cancellationToken">Ends the request: its pages come back at the next step.</param>
    /// <exception cref="InvalidRequestException">An argument is out of its range.</exception>
    /// <exception cref="ContextTooLongException">The text does not fit.</exception>
    public async Task<EmbedResult> EmbedAsync(ReadOnlyMemory<int> tokens, EmbedOptions? options = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_stopping, this);
        Request request = await EndAsync(_core.Submit(tokens.ToArray(), options ?? new EmbedOptions()), cancellationToken).ConfigureAwait(false);
        return new EmbedResult(request.Pooling!.Normalised(), new Usage(tokens.Length, request.CachedTokens, 0));
    }

    /// <summary>
    /// Computes the beginning of prompts to come and keeps it until the pin is disposed. All pins together may take what the longest request
    /// leaves of <see cref="EngineOptions.KvBytes"/>, so requests never wait for them.
    /// </summary>
    /// <param name="tokens">The beginning; its full pages of 16 tokens are kept.</param>
    /// <param name="cacheSalt">Prompts of this salt find it.</param>
    /// <param name="owner">Whose request it is: see <see cref="GenerateOptions.Owner"/>.</param>
    /// <param name="cancellationToken">Ends the request: its pages come back at the next step.</param>
    /// <exception cref="InvalidRequestException">A token is unknown, or there is no room left for pins.</exception>
    /// <exception cref="ContextTooLongException">The beginning does not fit.</exception>
    public async Task<PrefixPin> PinAsync(ReadOnlyMemory<int> tokens, string? cacheSalt = null, string? owner = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_stopping, this);
        PinnedPages pages = _core.Reserve(tokens.Span);
        if (pages.Places == 0) return new PrefixPin(pages, new Usage(tokens.Length, 0, 0), Unpin);
        bool held = false;
        try
        {
            Request request = await EndAsync(_core.Submit(tokens.ToArray(), pages, new GenerateOptions { CacheSalt = cacheSalt, Owner = owner }), cancellationToken).ConfigureAwait(false);
            held = true;
            return new PrefixPin(pages, new Usage(tokens.Length, request.CachedTokens, 0), Unpin);
        }
        finally
        {
            if (!held) Unpin(pages);
        }
    }

    /// <summary>A look at the prefix tree between two steps.</summary>
    /// <param name="wants">Which partitions, by their salts; null is the common one. Called on the engine's thread.</param>
    internal Task<TreeSnapshot> LookAtTreeAsync(Func<string?, bool> wants)
    {
        ObjectDisposedException.ThrowIf(_stopping, this);
        TreeQuestion question = new(wants);
        _core.Ask(question);
        if (_stopping) _core.FailQuestions(Disposed());
        else _wake.Set();
        return question.Answered;
    }

    /// <summary>Stops the engine. Requests that have not ended fail with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        _wake.Set();
        _thread.Join();
        _core.Dispose();
        _source.Dispose();
        _wake.Dispose();
    }

    /// <summary>Bad requests fail where they are made, not where they are read.</summary>
    private int[] Checked(ReadOnlyMemory<int> prompt, GenerateOptions? options)
    {
        ObjectDisposedException.ThrowIf(_stopping, this);
        _core.Check(prompt.Span, options ?? new GenerateOptions());
        return prompt.ToArray();
    }

    private void Loop()
    {
        // The engine's thread is worker 0 of the pool.
        if (Options.Placement == ThreadPlacement.Pinned) ThreadAffinity.TryPin(0);
        while (!_stopping)
        {
            try
            {
                if (!_core.Step()) _wake.WaitOne();
            }
            catch (Exception error)
            {
                // No request can be blamed, and the engine must not die with it: what was running fails, the next may run.
                _core.FailAll(error);
            }
        }

        _core.FailAll(Disposed());
    }

    private static ObjectDisposedException Disposed() => new(nameof(Engine), "The engine was disposed before the request had ended.");

    private async IAsyncEnumerable<GenerateChunk> Stream(int[] prompt, GenerateOptions options, WakeOn wake, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Request request = _core.Submit(prompt, options, wake);
        Start(request);
        SampleReader[] readers = [.. request.Sequences.Select(sequence => new SampleReader(sequence, Tokenizer))];
        int open = readers.Length;
        try
        {
            while (open > 0)
            {
                await request.Changed(cancellationToken).ConfigureAwait(false);
                foreach (SampleReader reader in readers)
                {
                    while (reader.TryRead(out GenerateChunk? chunk))
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                        if (chunk.Finish is not null && --open == 0) chunk = chunk with { Usage = Total(request) };
                        yield return chunk;
                    }
                }

                if (request.Error is { } error) throw error;
            }
        }
        finally
        {
            CancelIfOpen(request);
        }
    }

    /// <summary>Computes a prompt and generates nothing: its pages stay in the cache.</summary>
    private async Task<GenerateResult> PrefillAsync(int[] prompt, GenerateOptions options, CancellationToken cancellationToken)
    {
        Request request = await EndAsync(_core.SubmitPrefill(prompt, options), cancellationToken).ConfigureAwait(false);
        GenerateChoice[] empty = [.. Enumerable.Range(0, options.N).Select(i => new GenerateChoice(i, "", [], options.LogProbs is null ? null : [], FinishReason.Length))];
        return new GenerateResult(empty, new Usage(prompt.Length, request.CachedTokens, 0));
    }

    /// <summary>Runs a request that generates nothing.</summary>
    private async Task<Request> EndAsync(Request request, CancellationToken cancellationToken)
    {
        Start(request);
        try
        {
            while (!request.IsFinished) await request.Changed(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            CancelIfOpen(request);
        }

        return request.Error is { } error ? throw error : request;
    }

    private void Unpin(PinnedPages pages)
    {
        _core.Unpin(pages);
        if (!_stopping) _wake.Set();
    }

    private void Start(Request request)
    {
        if (_stopping) request.Fail(Disposed());
        else _wake.Set();
    }

    private void CancelIfOpen(Request request)
    {
        if (request.IsFinished) return;
        _core.Cancel(request);
        if (!_stopping) _wake.Set();
    }

    private static Usage Total(Request request) => new(request.Prompt.Length, request.CachedTokens, request.Sequences.Sum(sequence => sequence.Generated));
}
