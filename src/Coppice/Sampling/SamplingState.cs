using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coppice.Constraints;

namespace Coppice.Sampling;

/// <summary>
/// What the choice of one sample's next token depends on besides the logits. It outlives a pause of its request
/// and allocates only here, at admission.
/// </summary>
internal sealed class SamplingState
{
    private readonly (int Token, float Value)[] _bias;
    private readonly int[] _endTokens;
    private readonly ulong[] _promptTokens;   // a bit for each token id; empty without a repetition penalty
    private readonly int[] _answer;           // [0, Generated) is written; empty without penalties

    /// <summary>The state of a request's sample 0 before its first token.</summary>
    /// <param name="options">Validated.</param>
    /// <param name="promptTokens">Ids below <paramref name="vocabularySize"/>.</param>
    /// <param name="endOfTextTokens">The model's own; not heeded if the options say so.</param>
    /// <param name="vocabularySize">V.</param>
    /// <param name="maxAnswerTokens">Most tokens the sample can get.</param>
    /// <param name="constraint">Where the options' constraint begins, if there is one.</param>
    public SamplingState(GenerateOptions options, ReadOnlySpan<int> promptTokens, ReadOnlySpan<int> endOfTextTokens, int vocabularySize, int maxAnswerTokens, ConstraintCursor? constraint = null)
    {
        CheckTokens(promptTokens, vocabularySize, nameof(promptTokens));
        CheckTokens(endOfTextTokens, vocabularySize, nameof(endOfTextTokens));
        Options = options;
        Constraint = constraint;
        Seed = options.Seed is long seed ? (ulong)seed : FreshSeed();
        _bias = options.LogitBias is null ? [] : [.. options.LogitBias.Select(pair => (pair.Key, pair.Value))];
        _endTokens = options.IgnoreEndOfText ? [.. options.StopTokens] : [.. endOfTextTokens, .. options.StopTokens];
        _promptTokens = options.RepetitionPenalty == 1 ? [] : Bits(promptTokens, vocabularySize);
        HasPenalties = options.RepetitionPenalty != 1 || options.PresencePenalty != 0 || options.FrequencyPenalty != 0;
        _answer = HasPenalties ? new int[maxAnswerTokens] : [];
    }

    private SamplingState(SamplingState first, int sample)
    {
        Options = first.Options;
        Seed = first.Seed;
        Sample = sample;
        Generated = first.Generated;
        Constraint = first.Constraint is null ? null : new ConstraintCursor(first.Constraint);
        HasPenalties = first.HasPenalties;
        _bias = first._bias;
        _endTokens = first._endTokens;
        _promptTokens = first._promptTokens;
        _answer = [.. first._answer];
    }

    public GenerateOptions Options { get; }

    /// <summary>The request's seed, or the one the system drew for it.</summary>
    public ulong Seed { get; }

    /// <summary>Which of the request's samples, from 0.</summary>
    public int Sample { get; }

    /// <summary>Tokens the answer has: the position of the next draw.</summary>
    public int Generated { get; private set; }

    /// <summary>What the answer must look like, as far as it has come; null if it is free.</summary>
    public ConstraintCursor? Constraint { get; }

    /// <summary>Whether the answer is whole and nothing may follow.</summary>
    public bool IsComplete => Constraint is { IsComplete: true };

    /// <summary>Whether tokens seen before change the logits.</summary>
    public bool HasPenalties { get; }

    /// <summary>Whether the end tokens may not be drawn yet.</summary>
    public bool ForbidsEnd => Generated < Options.MinTokens && _endTokens.Length > 0;

    /// <summary>Whether this draw sees other logits than the model's own.</summary>
    public bool EditsLogits => _bias.Length > 0 || HasPenalties || ForbidsEnd || Constraint is not null;

    /// <summary>What is added to the logits of single tokens.</summary>
    public ReadOnlySpan<(int Token, float Value)> Bias => _bias;

    /// <summary>Tokens that end the sample: the model's end of text, unless ignored, and the request's stop tokens.</summary>
    public ReadOnlySpan<int> EndTokens => _endTokens;

    /// <summary>The answer so far. Kept only if there are penalties.</summary>
    public ReadOnlySpan<int> Answer => HasPenalties ? _answer.AsSpan(0, Generated) : [];

    /// <summary>The prompt's tokens as bits: token t is bit t % 64 of word t / 64. Kept only if there is a repetition penalty.</summary>
    public ReadOnlySpan<ulong> PromptTokens => _promptTokens;

    /// <summary>Another sample of the same prompt, as far as this one has come; it draws with random numbers of its own.</summary>
    public SamplingState ForSample(int sample) => new(this, sample);

    /// <summary>Whether the token ends the sample.</summary>
    public bool IsEnd(int token) => _endTokens.AsSpan().Contains(token);

    /// <summary>Whether the token is in the prompt. Known only if there is a repetition penalty.</summary>
    public bool IsInPrompt(int token) => _promptTokens.Length > 0 && (_promptTokens[token >> 6] >> token & 1) != 0;

    /// <summary>Adds a token to the answer. <see cref="Sampler"/> does it for those it draws.</summary>
    public void Append(int token)
    {
        if (Constraint is not null && !IsEnd(token)) Constraint.Append(token);
        if (HasPenalties)
        {
            if (Generated == _answer.Length) throw new InvalidOperationException($"The sample was admitted for {_answer.Length} tokens and has them all.");
            _answer[Generated] = token;
        }
        Generated++;
    }

    private static void CheckTokens(ReadOnlySpan<int> tokens, int vocabularySize, string name)
    {
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)vocabularySize) throw new ArgumentOutOfRangeException(name, token, $"Token ids are 0 to {vocabularySize - 1}.");
        }
    }

    private static ulong[] Bits(ReadOnlySpan<int> tokens, int vocabularySize)
    {
        ulong[] bits = new ulong[(vocabularySize + 63) / 64];
        foreach (int token in tokens) bits[token >> 6] |= 1UL << token;
        return bits;
    }

    private static ulong FreshSeed()
    {
        ulong seed = 0;
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(new Span<ulong>(ref seed)));
        return seed;
    }
}
