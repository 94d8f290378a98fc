namespace Coppice.Cli;

/// <summary>What the commands ask of an engine. Tests stand in for it where a model would hide what is tested.</summary>
internal interface ITextModel : IDisposable
{
    /// <summary>As it is called in results.</summary>
    string Name { get; }

    /// <summary>Longest sequence, prompt and answer together.</summary>
    int MaxContextTokens { get; }

    /// <summary>Components of a key.</summary>
    int HeadSize { get; }

    /// <summary>Most sequences decoded together.</summary>
    int MaxBatch { get; }

    EngineMetrics Metrics { get; }

    /// <summary>How it wants conversations written; null where it does not say.</summary>
    ChatTemplates? ChatTemplates { get; }

    /// <summary>The spelling of the token that begins a text, if there is one.</summary>
    string? BeginOfText { get; }

    /// <summary>The spelling of the token that ends a text, if there is one.</summary>
    string? EndOfText { get; }

    /// <summary>Token ids. A prompt gets the model's beginning of text; a rendered conversation has its own.</summary>
    int[] Encode(string text, Specials specials = Specials.All);

    /// <summary>The UTF-8 bytes of a token's text; a token may be a part of a character.</summary>
    ReadOnlySpan<byte> TokenBytes(int token);

    /// <summary>What is wrong with a token id, to go on after it in an error; null: nothing.</summary>
    string? Refusal(int token);

    IAsyncEnumerable<GenerateChunk> GenerateAsync(ReadOnlyMemory<int> prompt, GenerateOptions options, CancellationToken cancellation);

    Task<GenerateResult> CompleteAsync(ReadOnlyMemory<int> prompt, GenerateOptions options, CancellationToken cancellation);

    Task<ScoreResult> ScoreAsync(ReadOnlyMemory<int> tokens, int scoredFrom, ScoreOptions options, CancellationToken cancellation);
}

/// <summary>Opens a model: a Hugging Face folder or a .gguf file.</summary>
internal delegate ITextModel OpenModel(string path, EngineOptions options);
