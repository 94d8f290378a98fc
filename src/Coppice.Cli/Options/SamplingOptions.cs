using System.CommandLine;

namespace Coppice.Cli.Options;

/// <summary>How one prompt of <c>coppice generate</c>, or one turn of <c>coppice chat</c>, is continued.</summary>
internal sealed class SamplingOptions
{
    private readonly int _mostByDefault;
    private readonly Option<int?>? _n;
    private readonly Option<int?> _bestOf = Checked.Whole("--best-of", "count", 1, 1024, "Make this many samples and print the --n of highest mean log probability, when all have ended");
    private readonly Option<int?> _maxTokens;
    private readonly Option<int?> _minTokens = Checked.Whole("--min-tokens", "tokens", 0, int.MaxValue, "Tokens before which nothing ends a sample");
    private readonly Option<float?> _temperature = Checked.Real("--temperature", 0, 2, "0 takes the likeliest token each time. Default: 1");
    private readonly Option<float?> _topP = Checked.AboveZero("--top-p", 1, "Sample among the likeliest tokens that together reach this probability");
    private readonly Option<int?> _topK = Checked.Whole("--top-k", "count", 0, int.MaxValue, "Sample among this many likeliest tokens");
    private readonly Option<float?> _minP = Checked.Real("--min-p", 0, 1, "Drop tokens less likely than this share of the likeliest");
    private readonly Option<float?> _repetition = Checked.AboveZero("--repetition-penalty", 10, "Above 1 avoids tokens of prompt and answer");
    private readonly Option<float?> _presence = Checked.Real("--presence-penalty", -2, 2, "Above 0 avoids tokens the answer has");
    private readonly Option<float?> _frequency = Checked.Real("--frequency-penalty", -2, 2, "Above 0 avoids tokens the more, the more often the answer has them");
    private readonly Option<string[]> _stop = new("--stop") { HelpName = "text", Description = "Text that ends a sample and is not printed; may be given several times" };
    private readonly Option<bool> _ignoreEos = new("--ignore-eos") { Description = "Go on past the model's end of text" };

    private readonly ConstraintOptions _constraint = new();

    private SamplingOptions(Option<int?>? n, int mostByDefault, string maxTokens)
    {
        _n = n;
        _mostByDefault = mostByDefault;
        _maxTokens = Checked.Whole("--max-tokens", "tokens", 1, int.MaxValue, maxTokens);
    }

    public static SamplingOptions OfPrompt() =>
        new(Checked.Whole("--n", "count", 1, 1024, "Samples of the prompt, computed once. Default: 1"), 256, "Most tokens per sample. Default: 256, or what the context leaves");

    /// <summary>One answer a turn, as long as the model makes it.</summary>
    public static SamplingOptions OfChat() => new(null, int.MaxValue, "Most tokens per answer. Default: what the context leaves");

    public void AddTo(Command command)
    {
        if (_n is not null)
        {
            command.Add(_n);
            command.Add(_bestOf);
        }
        foreach (Option option in (Option[])[_maxTokens, _minTokens, _temperature, _topP, _topK, _minP, _repetition, _presence, _frequency, _stop, _ignoreEos])
            command.Add(option);
        _constraint.AddTo(command);
    }

    /// <summary>What the answers must look like; null for any text.</summary>
    public OutputConstraint? ReadConstraint(ParseResult parsed) => _constraint.Read(parsed);

    /// <summary>All but the constraint.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="seed">The value of --seed.</param>
    /// <param name="tokensLeft">What the prompt leaves of the model's context.</param>
    public GenerateOptions Read(ParseResult parsed, long? seed, int tokensLeft) => new()
    {
        N = _n is null ? 1 : parsed.GetValue(_n) ?? 1,
        BestOf = _n is null ? null : parsed.GetValue(_bestOf),
        MaxTokens = parsed.GetValue(_maxTokens) ?? Math.Max(1, Math.Min(_mostByDefault, tokensLeft)),
        MinTokens = parsed.GetValue(_minTokens) ?? 0,
        Temperature = parsed.GetValue(_temperature) ?? 1,
        TopP = parsed.GetValue(_topP) ?? 1,
        TopK = parsed.GetValue(_topK) ?? 0,
        MinP = parsed.GetValue(_minP) ?? 0,
        RepetitionPenalty = parsed.GetValue(_repetition) ?? 1,
        PresencePenalty = parsed.GetValue(_presence) ?? 0,
        FrequencyPenalty = parsed.GetValue(_frequency) ?? 0,
        Stop = parsed.GetValue(_stop) ?? [],
        IgnoreEndOfText = parsed.GetValue(_ignoreEos),
        Seed = seed,
    };
}
