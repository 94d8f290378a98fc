using System.Numerics;
using Coppice.Constraints;

namespace Coppice.Sampling;

/// <summary>
/// Chooses the next token from a row of logits. The order of operations is vLLM's (the V1 sampler):
/// <list type="number">
/// <item>log probabilities are taken from the model's own logits;</item>
/// <item>tokens that the answer's constraint does not allow are forbidden;</item>
/// <item>end tokens are forbidden while the answer has fewer than MinTokens, and the logit bias is added;</item>
/// <item>penalties: repetition (Keskar et al. 2019; prompt and answer), then frequency and presence (OpenAI; the answer only);</item>
/// <item>temperature 0: the likeliest token;</item>
/// <item>temperature, min-p (Nguyen et al. 2024), top-k (Fan et al. 2018), top-p (Holtzman et al. 2020) over what they left;</item>
/// <item>one draw in order of id, with the random number of (seed, sample, position).</item>
/// </list>
/// Equal logits rank by id, lowest first, and a filter may cut between them: top-k keeps exactly k tokens, where vLLM keeps all equals.
/// The choice depends on the logits and the state alone. One per engine, one thread at a time; allocates nothing after its constructor.
/// </summary>
internal sealed class Sampler
{
    private readonly Candidates _candidates;
    private readonly int[] _counts;   // of each token in the answer; zero between calls

    public Sampler(int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabularySize);
        VocabularySize = vocabularySize;
        _candidates = new(vocabularySize);
        _counts = new int[vocabularySize];
    }

    /// <summary>V.</summary>
    public int VocabularySize { get; }

    /// <summary>Draws a token and adds it to the state's answer.</summary>
    /// <param name="logits">[V], not changed: several samples may draw from one row.</param>
    /// <param name="state">Changed only if a token is drawn.</param>
    /// <exception cref="LogitsException">The logits have NaN or infinity, or are all -inf.</exception>
    /// <exception cref="InvalidRequestException">The options forbid every token, or the constraint does.</exception>
    public int Sample(ReadOnlySpan<float> logits, SamplingState state)
    {
        int token = Choose(logits, FindPeak(logits), state);
        state.Append(token);
        return token;
    }

    /// <summary>Draws a token as <see cref="Sample(ReadOnlySpan{float}, SamplingState)"/> does, and reports log probabilities.</summary>
    /// <param name="logits">[V].</param>
    /// <param name="state">The sample.</param>
    /// <param name="top">Filled with the likeliest tokens of the model's own logits, likeliest first, lower ids first among equals. At most V.</param>
    /// <param name="logProb">The drawn token's natural log probability under the model's own logits.</param>
    public int Sample(ReadOnlySpan<float> logits, SamplingState state, Span<TokenLogProb> top, out float logProb)
    {
        Peak peak = FindPeak(logits);
        int token = Choose(logits, peak, state);
        logProb = LogProbabilities.Report(logits, peak.Logit, token, top);
        state.Append(token);
        return token;
    }

    private int Choose(ReadOnlySpan<float> logits, Peak peak, SamplingState state)
    {
        GenerateOptions options = state.Options;
        bool greedy = options.Temperature == 0;
        if (greedy && !state.EditsLogits) return peak.Token;

        _candidates.Load(logits);
        if (state.EditsLogits) peak = Edit(logits, state);
        if (greedy) return peak.Token;

        // Top-k comes before the exponentials, which it saves; min-p and top-k leave the same tokens in either order.
        if (options.TopK > 0) _candidates.KeepTop(options.TopK);
        _candidates.Weigh(peak.Logit, options.Temperature);
        if (options.MinP > 0) _candidates.DropBelow(options.MinP);
        if (options.TopP < 1) _candidates.KeepMass(options.TopP);
        return _candidates.Draw(Philox.Uniform(state.Seed, state.Sample, state.Generated));
    }

    /// <summary>Forbids, biases and penalises.</summary>
    private Peak Edit(ReadOnlySpan<float> given, SamplingState state)
    {
        Span<float> logits = _candidates.Logits;
        bool mayGoOn = state.Constraint is null || Constrain(given, logits, state, state.Constraint);
        if (state.ForbidsEnd && mayGoOn)
        {
            foreach (int token in state.EndTokens) logits[token] = float.NegativeInfinity;
        }
        foreach ((int token, float value) in state.Bias) logits[token] += value;
        if (state.HasPenalties) Penalise(logits, state);

        if (Peak.TryFind(logits, out Peak peak)) return peak;
        if (state.Constraint is not null)
            throw new InvalidRequestException($"After {state.Generated} tokens, no token that the model considers possible fits {nameof(GenerateOptions.Constraint)}. Allow more there, or ask for less in the other options.");
        throw new InvalidRequestException(
            $"{nameof(GenerateOptions.MinTokens)} is {state.Options.MinTokens} and every token the model considers possible is an end of text or a stop token. Lower it or allow other tokens.");
    }

    /// <summary>Forbids what the constraint does not allow. End tokens are no text: they are allowed where the answer is whole.</summary>
    /// <returns>Whether the answer may go on.</returns>
    private static bool Constrain(ReadOnlySpan<float> given, Span<float> logits, SamplingState state, ConstraintCursor constraint)
    {
        TokenMask mask = constraint.Mask;
        mask.Apply(logits);
        foreach (int token in state.EndTokens) logits[token] = constraint.Accepts ? given[token] : float.NegativeInfinity;
        return mask.Any || !constraint.Accepts;
    }

    private void Penalise(Span<float> logits, SamplingState state)
    {
        float repetition = state.Options.RepetitionPenalty;
        float frequency = state.Options.FrequencyPenalty;
        float presence = state.Options.PresencePenalty;

        ReadOnlySpan<ulong> prompt = state.PromptTokens;
        for (int word = 0; word < prompt.Length; word++)
        {
            for (ulong bits = prompt[word]; bits != 0; bits &= bits - 1)
            {
                ref float logit = ref logits[(word * 64) + BitOperations.TrailingZeroCount(bits)];
                logit = Repeated(logit, repetition);
            }
        }

        foreach (int token in state.Answer) _counts[token]++;
        foreach (int token in state.Answer)
        {
            int count = _counts[token];
            if (count == 0) continue;   // done at an earlier place of the answer
            _counts[token] = 0;
            ref float logit = ref logits[token];
            if (!state.IsInPrompt(token)) logit = Repeated(logit, repetition);
            logit = logit - (frequency * count) - presence;
        }
    }

    private static float Repeated(float logit, float penalty) => MathF.Min(logit > 0 ? logit / penalty : logit * penalty, float.MaxValue);

    /// <summary>The likeliest token of the model's own logits, [V].</summary>
    /// <exception cref="LogitsException">The logits have NaN or infinity, or are all -inf.</exception>
    public Peak FindPeak(ReadOnlySpan<float> logits)
    {
        if (logits.Length != VocabularySize) throw new ArgumentException($"{logits.Length} logits for a vocabulary of {VocabularySize}.", nameof(logits));
        return Peak.TryFind(logits, out Peak peak) ? peak : throw Broken(logits);
    }

    private static LogitsException Broken(ReadOnlySpan<float> logits)
    {
        for (int token = 0; token < logits.Length; token++)
        {
            if (float.IsNaN(logits[token]) || float.IsPositiveInfinity(logits[token]))
                return new($"The model's logit of token {token} is {logits[token]}; it must be a number below infinity. The weights are damaged or the numeric mode overflows.");
        }
        return new($"All {logits.Length} logits of the model are -infinity; one at least must be above it. The weights are damaged or the numeric mode overflows.");
    }
}
