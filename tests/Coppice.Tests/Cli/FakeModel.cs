using System.Runtime.CompilerServices;
using System.Text;
using Coppice.Cli;

namespace Coppice.Tests.Cli;

/// <summary>A model without weights: a byte is a token, and every sample of a prompt answers with its last word and its index.</summary>
internal sealed class FakeModel : ITextModel
{
    public const int BeginOfText = 256;

    private int _running, _mostRunning;
    private long _prompt, _generated;

    public string Name => "fake";

    public int MaxContextTokens { get; init; } = 1000;

    public int HeadSize => 32;

    public int MaxBatch { get; init; } = 4;

    /// <summary>Called for each request before it is answered; may wait or throw.</summary>
    public Func<string, CancellationToken, Task> Before { get; init; } = (_, _) => Task.CompletedTask;

    /// <summary>Added to the log probabilities of a request.</summary>
    public Func<ScoreOptions, float> Drift { get; init; } = _ => 0;

    /// <summary>Called before each chunk of a stream.</summary>
    public Func<CancellationToken, Task>? BetweenChunks { get; init; }

    public List<string> Prompts { get; } = [];

    /// <summary>The prompts as they came, beginning of text included.</summary>
    public List<int[]> PromptTokens { get; } = [];

    public List<GenerateOptions> Asked { get; } = [];

    public int MostRunning => _mostRunning;

    public bool IsDisposed { get; private set; }

    public EngineMetrics Metrics => new()
    {
        PromptTokens = _prompt,
        ComputedPromptTokens = _prompt / 2,
        CachedPromptTokens = 3,
        SharedPromptTokens = _prompt - _prompt / 2 - 3,
        GeneratedTokens = _generated,
        Steps = 7,
        KvBytesRead = 1 << 20,
        KvBytesReadPerSequence = 5 << 20,
        PeakKvBytes = 2 << 20,
        PeakKvBytesUnshared = 9 << 20,
        KvBytesLimit = 1 << 30,
    };

    public ChatTemplates? ChatTemplates { get; init; }

    string? ITextModel.BeginOfText => "<s>";

    public string? EndOfText => "</s>";

    public int[] Encode(string text, Specials specials = Specials.All)
    {
        // As a model's tokenizer does: around a prompt by itself, in a rendered conversation where it is spelled out.
        int[] bytes = [.. Encoding.UTF8.GetBytes(text.Replace("<s>", "", StringComparison.Ordinal)).Select(b => (int)b)];
        return specials.HasFlag(Specials.Around) || (specials.HasFlag(Specials.InText) && text.StartsWith("<s>", StringComparison.Ordinal)) ? [BeginOfText, .. bytes] : bytes;
    }

    public ReadOnlySpan<byte> TokenBytes(int token) => token == BeginOfText ? "<s>"u8 : new[] { (byte)token };

    public string? Refusal(int token) => null;

    public async IAsyncEnumerable<GenerateChunk> GenerateAsync(ReadOnlyMemory<int> prompt, GenerateOptions options, [EnumeratorCancellation] CancellationToken cancellation)
    {
        GenerateResult result = await CompleteAsync(prompt, options, cancellation);
        // Interleaved, the last sample first: what comes early has to wait for its turn.
        for (int i = 0; i < result.Choices.Max(choice => choice.Text.Length); i++)
        {
            foreach (GenerateChoice choice in result.Choices.Reverse())
            {
                if (i >= choice.Text.Length) continue;
                bool isLast = i == choice.Text.Length - 1;
                cancellation.ThrowIfCancellationRequested();
                if (BetweenChunks is not null) await BetweenChunks(cancellation);
                yield return new GenerateChunk(choice.Index, choice.Text[i], choice.Text[i].ToString(), null, isLast ? choice.Finish : null, isLast ? result.Usage : null);
            }
        }
    }

    public async Task<GenerateResult> CompleteAsync(ReadOnlyMemory<int> prompt, GenerateOptions options, CancellationToken cancellation)
    {
        string text = Encoding.UTF8.GetString([.. prompt.ToArray().Where(t => t < 256).Select(t => (byte)t)]);
        lock (Prompts)
        {
            Prompts.Add(text);
            PromptTokens.Add(prompt.ToArray());
            Asked.Add(options);
            _running += options.N;
            _mostRunning = Math.Max(_mostRunning, _running);
        }
        try
        {
            await Before(text, cancellation);
            cancellation.ThrowIfCancellationRequested();
            if (prompt.Length > MaxContextTokens) throw new ContextTooLongException($"The prompt has {prompt.Length} tokens and the model takes {MaxContextTokens}.");
            string answer = text.Split(' ')[^1];
            GenerateChoice[] choices = [.. Enumerable.Range(0, options.N).Select(i => new GenerateChoice(i, $" {answer}{(i > 0 ? $" {i}" : "")}.", [32, 33],
                options.LogProbs is null ? null : [new(0xC3, -0.5f, [new(0xC3, -0.5f), new('b', -2)]), new(0xA9, float.NegativeInfinity, [new('c', -1)]), new('x', -1, [])], FinishReason.Stop))];
            Interlocked.Add(ref _prompt, prompt.Length);
            Interlocked.Add(ref _generated, 2 * options.N);
            return new GenerateResult(choices, new Usage(prompt.Length, 3, 2 * options.N));
        }
        finally
        {
            lock (Prompts) _running -= options.N;
        }
    }

    /// <summary>A token's log probability is minus its place among the bytes over 100, its rank that of the byte; "!" breaks.</summary>
    public async Task<ScoreResult> ScoreAsync(ReadOnlyMemory<int> tokens, int scoredFrom, ScoreOptions options, CancellationToken cancellation)
    {
        string text = Encoding.UTF8.GetString([.. tokens.ToArray().Where(t => t < 256).Select(t => (byte)t)]);
        lock (Prompts) Prompts.Add(text);
        await Before(text, cancellation);
        cancellation.ThrowIfCancellationRequested();
        if (tokens.Length > MaxContextTokens) throw new ContextTooLongException($"The text has {tokens.Length} tokens and the model takes {MaxContextTokens}.");
        Interlocked.Add(ref _prompt, tokens.Length);
        return new ScoreResult([.. tokens[scoredFrom..].ToArray().Select(t => new ScoredToken(new ChosenLogProb(t, -t / 100f + Drift(options), [.. Enumerable.Range(0, options.TopLogProbs).Select(i => new TokenLogProb(i, -i))]), t - 31))],
            new Usage(tokens.Length, 3, 0));
    }

    public void Dispose() => IsDisposed = true;
}
