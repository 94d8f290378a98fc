namespace Coppice.Cli.Eval;

/// <summary>A document of a given length with facts among its sentences.</summary>
internal static class FactDocument
{
    /// <summary>Fills prose around facts until the document has about <paramref name="tokens"/> tokens and not more.</summary>
    /// <param name="model">Counts tokens.</param>
    /// <param name="prose">Sentences are drawn from it; they may come again.</param>
    /// <param name="random">Draws them.</param>
    /// <param name="facts">Each with its depth, 0 for the beginning and 1 for the end.</param>
    /// <param name="tokens">The limit.</param>
    /// <exception cref="UsageException">The facts alone are longer.</exception>
    public static string Write(ITextModel model, Prose prose, Random random, IReadOnlyList<(double Depth, Fact Fact)> facts, int tokens)
    {
        int begin = model.Encode("").Length, used = begin + facts.Sum(fact => Tokens(fact.Fact.Sentence));
        if (used > tokens) throw new UsageException($"{facts.Count} facts take {used} tokens and the document may have {tokens}; ask for fewer facts or a longer document.");
        List<string> sentences = [];
        while (true)
        {
            string sentence = prose.Sentences[random.Next(prose.Sentences.Count)];
            int count = Tokens(sentence);
            if (used + count > tokens) break;
            sentences.Add(sentence);
            used += count;
        }

        // From the last to the first, so that a place does not move before it is used.
        List<string> document = [.. sentences];
        foreach ((double depth, Fact fact) in facts.OrderByDescending(fact => fact.Depth)) document.Insert((int)Math.Round(depth * sentences.Count), fact.Sentence);
        return string.Join(' ', document);

        int Tokens(string sentence) => model.Encode(" " + sentence).Length - begin;
    }
}
