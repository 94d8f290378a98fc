using Coppice.Cli.Scoring;

namespace Coppice.Cli.Eval;

/// <summary>One thing that a task asks of a model.</summary>
/// <param name="Name">Unique in the task.</param>
/// <param name="Place">Where it stands: what the plot lays out.</param>
internal abstract record EvalItem(string Name, IReadOnlyDictionary<string, double> Place)
{
    /// <summary>All that is given to the model: with the name, what tells this item from that of another run.</summary>
    public abstract IEnumerable<int> Tokens { get; }

    /// <summary>The first token that is read under the attention mode.</summary>
    public abstract int DecodeFrom { get; }

    public abstract Task<EvalOutcome> RunAsync(ITextModel model, CancellationToken cancellation);
}

/// <summary>What came of it.</summary>
/// <param name="Values">The task's figures.</param>
/// <param name="Answer">What the model said, where it said anything.</param>
/// <param name="Expected">What would have been right.</param>
internal sealed record EvalOutcome(IReadOnlyDictionary<string, double> Values, string Answer, string Expected);

/// <summary>The likeliest continuation of a prompt, judged.</summary>
internal sealed record AnswerItem(string Name, IReadOnlyDictionary<string, double> Place, int[] Prompt, GenerateOptions Options, string Expected, string Figure, Func<string, double> Judge) : EvalItem(Name, Place)
{
    public override IEnumerable<int> Tokens => Options.DecodeFrom is int from ? Prompt.Append(from) : Prompt;

    public override int DecodeFrom => Options.DecodeFrom ?? Prompt.Length;

    public override async Task<EvalOutcome> RunAsync(ITextModel model, CancellationToken cancellation)
    {
        GenerateResult result = await model.CompleteAsync(Prompt, Options, cancellation);
        string answer = result.Choices[0].Text;
        return new EvalOutcome(new Dictionary<string, double>(StringComparer.Ordinal) { [Figure] = Judge(answer) }, answer, Expected);
    }
}

/// <summary>Given continuations, scored.</summary>
internal sealed record LikelihoodItem(string Name, IReadOnlyDictionary<string, double> Place, IReadOnlyList<ScoredText> Texts, ScoreOptions Options, string Expected, Func<IReadOnlyList<Scored>, Dictionary<string, double>> Judge) : EvalItem(Name, Place)
{
    public override IEnumerable<int> Tokens => Texts.SelectMany(text => text.Tokens.Append(text.ScoredFrom));

    public override int DecodeFrom => Texts.Min(text => text.ScoredFrom);

    public override async Task<EvalOutcome> RunAsync(ITextModel model, CancellationToken cancellation)
    {
        ScoreResult[] results = await Task.WhenAll(Texts.Select(text => model.ScoreAsync(text.Tokens, text.ScoredFrom, Options, cancellation)));
        Scored[] scored = [.. Texts.Zip(results, (text, result) => new Scored(text, result))];
        return new EvalOutcome(Judge(scored), Texts.Count > 1 ? Texts[Ranking.All[0].Best(scored)].Continuation : "", Expected);
    }
}
