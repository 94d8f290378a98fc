using System.Text;

namespace Coppice.Cli;

/// <summary>The engine, as the commands see it.</summary>
internal sealed class EngineTextModel(Engine engine, string path) : ITextModel
{
    public static ITextModel Open(string path, EngineOptions options) => new EngineTextModel(Engine.Open(path, options), path);

    public string Name { get; } = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    public int MaxContextTokens => engine.Options.MaxContextTokens ?? engine.Config.MaxContextTokens;

    public int HeadSize => engine.Config.HeadSize;

    public int MaxBatch => engine.Options.MaxBatch;

    public EngineMetrics Metrics => engine.Metrics;

    public ChatTemplates? ChatTemplates => engine.ChatTemplates;

    public string? BeginOfText => Piece(engine.Tokenizer.BeginOfText);

    public string? EndOfText => Piece(engine.Tokenizer.EndOfText);

    public int[] Encode(string text, Specials specials = Specials.All) => engine.Tokenizer.Encode(text, specials);

    // Special tokens add nothing to a text, but a list of tokens has to show them.
    public ReadOnlySpan<byte> TokenBytes(int token) =>
        engine.Tokenizer.IsSpecial(token) ? Encoding.UTF8.GetBytes(engine.Tokenizer.Piece(token)) : engine.Tokenizer.Bytes(token);

    public string? Refusal(int token) => engine.Tokenizer.Ids.Refusal(token);

    public IAsyncEnumerable<GenerateChunk> GenerateAsync(ReadOnlyMemory<int> prompt, GenerateOptions options, CancellationToken cancellation) =>
        engine.GenerateAsync(prompt, options, cancellation);

    public Task<GenerateResult> CompleteAsync(ReadOnlyMemory<int> prompt, GenerateOptions options, CancellationToken cancellation) =>
        engine.CompleteAsync(prompt, options, cancellation);

    public Task<ScoreResult> ScoreAsync(ReadOnlyMemory<int> tokens, int scoredFrom, ScoreOptions options, CancellationToken cancellation) =>
        engine.ScoreAsync(tokens, scoredFrom, options, cancellation);

    public void Dispose() => engine.Dispose();

    private string? Piece(int? token) => token is int id ? engine.Tokenizer.Piece(id) : null;
}
