using System.Runtime.Intrinsics;

namespace Coppice.Sampling;

/// <summary>
/// The tokens a draw may still choose, in rising order of id, and their weights. Every filter keeps a head of the
/// order (higher logit first, then lower id) and is exact: nothing is sorted, the place of the cut is found digit by digit.
/// Scratch of one engine: filled anew for each draw, never grown.
/// </summary>
internal sealed class Candidates
{
    // A float's order as an unsigned integer is cut in digits of 11, 11 and 10 bits.
    private const int DigitBits = 11;
    private const int Digits = 1 << DigitBits;

    private readonly int[] _allTokens;
    private readonly double[] _ones;
    private readonly int[] _tokens;
    private readonly float[] _logits;
    private readonly double[] _weights;
    private readonly int[] _tied;
    private readonly double[] _mass = new double[Digits];
    private int _count;

    public Candidates(int vocabularySize)
    {
        _allTokens = new int[vocabularySize];
        for (int token = 0; token < vocabularySize; token++) _allTokens[token] = token;
        _ones = new double[vocabularySize];
        _ones.AsSpan().Fill(1);
        _tokens = new int[vocabularySize];
        _logits = new float[vocabularySize];
        _weights = new double[vocabularySize];
        _tied = new int[vocabularySize];
    }

    /// <summary>Ids, rising.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);

    /// <summary>One for each of <see cref="Tokens"/>. Directly after <see cref="Load"/> the index is the id, and they may be edited.</summary>
    public Span<float> Logits => _logits.AsSpan(0, _count);

    /// <summary>One for each of <see cref="Tokens"/> after <see cref="Weigh"/>: probabilities up to a common factor.</summary>
    public ReadOnlySpan<double> Weights => _weights.AsSpan(0, _count);

    /// <summary>Starts with the whole vocabulary.  logits: [V].</summary>
    public void Load(ReadOnlySpan<float> logits)
    {
        _count = _tokens.Length;
        logits.CopyTo(_logits);
        _allTokens.CopyTo(_tokens, 0);
    }

    /// <summary>Keeps the <paramref name="k"/> likeliest. Call before <see cref="Weigh"/>: the others' exponentials are then saved.</summary>
    public void KeepTop(int k)
    {
        if (k < _count) KeepHead(_ones.AsSpan(0, _count), k);
    }

    /// <summary>Computes the weights, relative to the largest logit.</summary>
    public void Weigh(float maxLogit, float temperature) => Softmax.Weights(Logits, maxLogit, 1.0 / temperature, _weights);

    /// <summary>Drops tokens of less weight than <paramref name="minP"/>, the likeliest token having 1.</summary>
    public void DropBelow(double minP)
    {
        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            Move(i, kept);
            kept += _weights[i] >= minP ? 1 : 0;
        }
        _count = kept;
    }

    /// <summary>Keeps the shortest head whose share of all weight reaches <paramref name="topP"/>; at least one token.</summary>
    public void KeepMass(double topP)
    {
        double total = Softmax.Sum(Weights);
        // All tokens of less than this weight have less than (1 - topP) of the total together: the head ends above them.
        DropBelow((1 - topP) * total / _count);
        KeepHead(Weights, topP * total);
    }

    /// <summary>The token at which the running sum of weights, in order of id, passes the share <paramref name="uniform"/> in [0, 1).</summary>
    public int Draw(double uniform)
    {
        double target = uniform * Softmax.Sum(Weights);
        double sum = 0;
        int last = 0;
        for (int i = 0; i < _count; i++)
        {
            if (_weights[i] == 0) continue;
            last = i;
            sum += _weights[i];
            if (sum > target) break;
        }
        // The running sum may round to just below the total: then it is the last token that has any weight.
        return _tokens[last];
    }

    /// <summary>Keeps the shortest head whose measure reaches <paramref name="target"/>, or all.</summary>
    private void KeepHead(ReadOnlySpan<double> measure, double target)
    {
        (float cut, int ties) = FindCut(measure, target);
        Span<float> logits = _logits.AsSpan(0, _count);
        Vector256<float> cuts = Vector256.Create(cut);
        int kept = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            // Most heads are short: what is wholly below the cut is passed in eights.
            while (i <= logits.Length - Vector256<float>.Count && Vector256.LessThanAll(Vector256.Create(logits.Slice(i, Vector256<float>.Count)), cuts))
                i += Vector256<float>.Count;
            if (i == logits.Length) break;

            float logit = logits[i];
            Move(i, kept);
            kept += logit > cut || (logit == cut && ties-- > 0) ? 1 : 0;
        }
        _count = kept;
    }

    /// <summary>A radix selection from the highest digit down: at each digit, the one value in which the head ends is kept.</summary>
    /// <returns>The head's last logit, and how many tokens with this very logit belong to the head.</returns>
    private (float Cut, int Ties) FindCut(ReadOnlySpan<double> measure, double target)
    {
        ReadOnlySpan<float> logits = Logits;
        Span<double> mass = _mass;
        Span<int> stillTied = _tied;
        ReadOnlySpan<int> tied = _allTokens.AsSpan(0, _count);
        double above = 0;
        uint cut = 0;
        for (int shift = 32 - DigitBits; ; shift = Math.Max(shift - DigitBits, 0))
        {
            int digitBits = shift == 0 ? 32 - (2 * DigitBits) : DigitBits;
            uint mask = (1u << digitBits) - 1;
            mass.Clear();
            foreach (int i in tied) mass[(int)((Order(logits[i]) >> shift) & mask)] += measure[i];

            // Should rounding keep the sum below the target, the head ends with the lowest digit that has any mass.
            uint digit = 0;
            double before = above;
            for (uint candidate = mask + 1; candidate-- > 0;)
            {
                if (mass[(int)candidate] == 0) continue;
                digit = candidate;
                before = above;
                above += mass[(int)candidate];
                if (above >= target) break;
            }
            above = before;
            cut |= digit << shift;

            int kept = 0;
            foreach (int i in tied)
            {
                stillTied[kept] = i;
                kept += ((Order(logits[i]) >> shift) & mask) == digit ? 1 : 0;
            }
            tied = stillTied[..kept];
            if (shift == 0) break;
        }

        int ties = 0;
        foreach (int i in tied)
        {
            ties++;
            above += measure[i];
            if (above >= target) break;
        }
        return (Logit(cut), ties);
    }

    private void Move(int from, int to)
    {
        _tokens[to] = _tokens[from];
        _logits[to] = _logits[from];
        _weights[to] = _weights[from];
    }

    /// <summary>An integer that orders as the float does; both zeros are one.</summary>
    private static uint Order(float logit)
    {
        int bits = BitConverter.SingleToInt32Bits(logit + 0f);
        return (uint)(bits ^ ((bits >> 31) | int.MinValue));
    }

    private static float Logit(uint order)
    {
        int bits = (int)order;
        return BitConverter.Int32BitsToSingle(bits ^ ((~bits >> 31) | int.MinValue));
    }
}
