namespace Coppice.Fuzz.Targets;

/// <summary>tokenizer.model: SentencePiece's, or tiktoken's lines.</summary>
internal static class VocabularyTarget
{
    public static FuzzTarget Target { get; } = new("vocabulary", "tokenizer.model of SentencePiece and tiktoken", Syntax.Binary, folder => input =>
    {
        File.WriteAllBytes(Path.Combine(folder, "tokenizer.model"), input);
        Reading.RoundTrip(Tokenizer.FromFolder(folder));
    })
    {
        Refusals = Reading.Refusals,
        Words = ["\n\u0005\n\u0001a\u0015", "<0x41>", "<unk>", "▁", "▁a", "IQ== 0\n", "Ig== 1\n", " 2\n", "\u0018\u0002", "\u0018\u0006"],
    };
}
