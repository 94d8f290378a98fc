using System.Runtime.Intrinsics;

namespace Coppice.Constraints;

/// <summary>The tokens that are allowed: token t is bit t % 8 of byte t / 8.</summary>
internal sealed class TokenMask(int vocabularySize)
{
    private static readonly Vector256<int> s_lanes = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);

    private readonly byte[] _bits = new byte[(vocabularySize + 7) / 8];

    /// <summary>Whether any token is allowed.</summary>
    public bool Any { get; private set; }

    public int Bytes => _bits.Length;

    public bool Allows(int token) => (_bits[token >> 3] >> (token & 7) & 1) != 0;

    public void Allow(int token)
    {
        _bits[token >> 3] |= (byte)(1 << (token & 7));
        Any = true;
    }

    /// <summary>Sets the logits of all other tokens to -inf.  logits: [V].</summary>
    public void Apply(Span<float> logits)
    {
        int i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            byte bits = _bits[i >> 3];
            if (bits == byte.MaxValue) continue;
            Span<float> eight = logits.Slice(i, Vector256<float>.Count);
            Vector256<float> allowed = Vector256.Equals(Vector256.Create((int)bits) & s_lanes, s_lanes).AsSingle();
            Vector256.ConditionalSelect(allowed, Vector256.Create<float>(eight), Vector256.Create(float.NegativeInfinity)).CopyTo(eight);
        }
        for (; i < logits.Length; i++)
            if (!Allows(i)) logits[i] = float.NegativeInfinity;
    }
}
