using Coppice.Sampling;
using Coppice.Tokens;

namespace Coppice;

/// <summary>How a prompt is continued. The defaults sample freely (temperature 1) until the model ends its text.</summary>
/// <remarks>
/// The order is vLLM's: tokens forbidden by <see cref="Constraint"/>, end tokens forbidden before <see cref="MinTokens"/>, <see cref="LogitBias"/>, penalties (repetition, then frequency and presence),
/// <see cref="Temperature"/>, <see cref="MinP"/>, <see cref="TopK"/>, <see cref="TopP"/>, draw. Equal logits rank by token id, lowest first.
/// </remarks>
public sealed record GenerateOptions
{
    /// <summary>Samples of the one prompt, 1 to 1,024: it is computed once and continued this many times.</summary>
    public int N { get; init; } = 1;

    /// <summary>
    /// Samples that are made, <see cref="N"/> to 1,024; the N with the highest mean log probability per token are returned, the best
    /// first (Bifurcated Attention, arXiv 2403.08845, ranks so). They come when all have ended, so only whole results have them. Null: N.
    /// </summary>
    public int? BestOf { get; init; }

    /// <summary>Samples that are made.</summary>
    internal int Samples => BestOf ?? N;

    /// <summary>Most tokens generated per sample. 0: the prompt is computed and stays in the cache for prompts to come, and the answers are empty; only whole results have them. Null: as many as the model's context leaves.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Tokens before which neither the end of text nor a stop token or string may end a sample; at most <see cref="MaxTokens"/>.</summary>
    public int MinTokens { get; init; }

    /// <summary>0 takes the likeliest token each time; 1 samples from the model's own distribution; at most 2.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Sample only among this many likeliest tokens; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Sample only among the likeliest tokens whose probabilities together reach this share, in (0, 1].</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Drop tokens less likely than this share of the likeliest one, in [0, 1].</summary>
    public float MinP { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens seen in prompt or answer, in (0, 10] (Keskar et al. 2019); 1 is none.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Taken once from the logit of each token the answer already has, in [-2, 2].</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Taken from a token's logit for each time the answer already has it, in [-2, 2].</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of single tokens: token id to value in [-100, 100].</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>Texts that end a sample, at most 16 of 1 to 1,000 characters; the text itself is not part of the answer.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Tokens that end a sample, besides the model's own end of text.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>Go on past the model's end of text.</summary>
    public bool IgnoreEndOfText { get; init; }

    /// <summary>The same seed, prompt and options draw the same tokens, whatever else runs. Null: a fresh seed for each request.</summary>
    public long? Seed { get; init; }

    /// <summary>
    /// Report log probabilities: null for none, otherwise the number of alternatives beside the chosen token, 0 to 20. They are the model's own over the
    /// tokens that the tokenizer has: rows of the model without a token take no share.
    /// </summary>
    public int? LogProbs { get; init; }

    /// <summary>What the answer must look like: JSON, a JSON Schema, a regular expression or a grammar. Null: any text.</summary>
    public OutputConstraint? Constraint { get; init; }

    /// <summary>
    /// The prompt's tokens from this one on, 0 to its length, are read as if they had been generated: an approximate attention mode
    /// approximates their rows, too, and nobody shares their keys and values. So it can be measured what a mode makes of a question, and not
    /// only of its answer. Null: the whole prompt is read exactly. With an exact mode there is no difference.
    /// </summary>
    public int? DecodeFrom { get; init; }

    /// <summary>Requests share cached prefixes only with requests of the same salt.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>Requests of lower numbers are begun before those of higher ones, whoever owns them.</summary>
    public int Priority { get; init; }

    /// <summary>Whose request it is. While requests wait, owners take turns. Null is an owner, too.</summary>
    public string? Owner { get; init; }

    /// <summary>Samples that its owner may begin while an owner of weight 1 begins one, in (0, 1,000].</summary>
    public float OwnerWeight { get; init; } = 1;

    /// <exception cref="InvalidRequestException">A field is out of range; the message names it, its value and the limit.</exception>
    internal void Validate(TokenIds ids) => OptionLimits.Check(this, ids);
}
