namespace Coppice.Server.Serving;

/// <summary>Has the engine answer: whole answers, and the prompts that stand before them.</summary>
internal sealed class Answers(ServedModel model)
{
    /// <summary>What comes of each prompt; the first that fails ends the others.</summary>
    public async Task<Answered[]> AllAsync(Generation generation, CancellationToken cancellation)
    {
        Answered[] results = await AllOrNone.RunAsync(generation.Prompts.Count, (prompt, stop) => OneAsync(generation, prompt, stop), cancellation);
        generation.Prefix?.Ended(results.Sum(answered => answered.Result.Usage.CachedTokens), results.Length);
        return results;
    }

    /// <summary>The prompts that stand before the answers, with their log probabilities if those are asked for; null if none do.</summary>
    public async Task<Echo[]?> EchoesAsync(Generation generation, CancellationToken cancellation) =>
        generation.Echoes is null ? null : await AllOrNone.RunAsync(generation.Prompts.Count, (prompt, stop) => EchoAsync(generation, prompt, stop), cancellation);

    private async Task<Answered> OneAsync(Generation generation, int index, CancellationToken cancellation)
    {
        int[] prompt = generation.Prompts[index];
        GenerateOptions options = generation.Options;
        if (generation.Echoes is null)
        {
            return generation.Tools is { } tools && !generation.OnlyPrompts
                ? await new ToolAnswers(tools, model.Tokenizer, options).ReadAsync(model.Engine.GenerateAsync(prompt, options, cancellation))
                : new(await model.Engine.CompleteAsync(prompt, options, cancellation), null);
        }

        Echo echo = await EchoAsync(generation, index, cancellation);
        if (generation.OnlyPrompts) return new(new GenerateResult([.. Enumerable.Range(0, options.N).Select(i => new GenerateChoice(i, "", [], options.LogProbs is null ? null : [], FinishReason.Length))], echo.Usage), echo);
        GenerateResult result = await model.Engine.CompleteAsync(prompt, options, cancellation);
        return new(result with { Usage = echo.Corrected(result.Usage) }, echo);
    }

    private async Task<Echo> EchoAsync(Generation generation, int index, CancellationToken cancellation)
    {
        int[] prompt = generation.Prompts[index];
        Echo echo = new(generation.Echoes![index], prompt, null, new Usage(prompt.Length, 0, 0));
        if (generation.Options.LogProbs is not int alternatives) return echo;
        ScoreResult scores = await model.Engine.ScoreAsync(prompt, 1, new ScoreOptions { TopLogProbs = alternatives, CacheSalt = generation.Options.CacheSalt, Priority = generation.Options.Priority, Owner = generation.Options.Owner, OwnerWeight = generation.Options.OwnerWeight }, cancellation);
        return echo with { LogProbs = [.. scores.Tokens.Select(token => token.LogProb)], Usage = scores.Usage };
    }
}
