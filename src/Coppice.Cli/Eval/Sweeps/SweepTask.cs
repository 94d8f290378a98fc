using Coppice.Cli.Eval.Tasks;

namespace Coppice.Cli.Eval.Sweeps;

/// <summary>One of the tasks with all its items, the same for every setting.</summary>
/// <param name="Name">Of the task.</param>
/// <param name="Figure">Of an item's values, the one that is drawn.</param>
/// <param name="Unit">On the axis.</param>
/// <param name="Items">What is asked.</param>
internal sealed record SweepTask(string Name, string Figure, string Unit, IReadOnlyList<EvalItem> Items)
{
    public static readonly string[] Names = ["needle", "document-qa", "repetition", "bpc"];

    private const int Depths = 9, Facts = 32, TokensOfAFact = 32, BitsCharacters = 400, BeginCharacters = 128, RepeatedCharacters = 128;

    /// <summary>Tasks that take passages of a text and cannot do with a few sentences.</summary>
    public static bool NeedsText(string name) => name is "repetition" or "bpc";

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="model">Counts tokens.</param>
    /// <param name="prose">What documents and passages are made of.</param>
    /// <param name="length">About so many tokens are read exactly before the mode begins.</param>
    /// <param name="samples">Items, or a few more.</param>
    /// <param name="seed">Draws them.</param>
    public static SweepTask Make(string name, ITextModel model, Prose prose, int length, int samples, int seed)
    {
        Random random = new(seed);
        int characters = name is "needle" or "document-qa" ? 0 : Characters(model, prose, length);
        return name switch
        {
            "needle" => new(name, "right", "share found", [.. Numbers().Select(i =>
                DocumentTasks.Needle(model, prose, random, length, (double)((i - 1) % Depths) / (Depths - 1), $"needle-{i}", exactQuestion: false))]),
            "document-qa" => new(name, "right", "share right", [.. Documents(Math.Clamp(length / TokensOfAFact, 1, Facts))]),
            "repetition" => new(name, "characters", "characters repeated", [.. Numbers().Select(i =>
                TextTasks.Repeated(model, prose, random, i, characters, Math.Min(BeginCharacters, characters / 4), Math.Min(RepeatedCharacters, characters / 4), exactQuestion: false))]),
            _ => new(name, "bits_per_character", "bits per character", [.. Numbers().Select(i =>
                TextTasks.Bits(model, prose, random, i, characters, Math.Min(BitsCharacters, characters / 4)))]),
        };

        IEnumerable<int> Numbers() => Enumerable.Range(1, samples);

        IEnumerable<EvalItem> Documents(int facts) => Enumerable.Range(1, (samples + facts - 1) / facts).SelectMany(d =>
            DocumentTasks.Questions(model, prose, random, d, length, Fact.Many(random, facts), facts, exactQuestion: false));
    }

    // Of the text itself: how many characters a token has differs between texts and models.
    private static int Characters(ITextModel model, Prose prose, int tokens)
    {
        string sample = prose.Passage(new Random(1), Math.Min(20_000, prose.Length - 1));
        return (int)((long)tokens * sample.Length / Math.Max(1, model.Encode(sample).Length));
    }
}
