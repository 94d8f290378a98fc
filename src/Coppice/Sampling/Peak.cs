using System.Runtime.Intrinsics;

namespace Coppice.Sampling;

/// <summary>The likeliest token, the lowest id where several are, and its logit.</summary>
internal readonly record struct Peak(int Token, float Logit)
{
    /// <summary>Finds it. False: some logit is NaN or positive infinity, or none is above negative infinity.</summary>
    /// <param name="logits">[V], not empty.</param>
    /// <param name="peak">The likeliest token.</param>
    public static bool TryFind(ReadOnlySpan<float> logits, out Peak peak)
    {
        Vector256<float> max = Vector256.Create(float.NegativeInfinity);
        Vector256<float> numbers = Vector256<float>.AllBitsSet;
        int i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> x = Vector256.Create(logits.Slice(i, Vector256<float>.Count));
            numbers &= Vector256.Equals(x, x);
            max = Vector256.ConditionalSelect(Vector256.GreaterThan(x, max), x, max);
        }
        bool valid = Vector256.EqualsAll(numbers.AsInt32(), Vector256<int>.AllBitsSet);
        float logit = float.NegativeInfinity;
        for (int lane = 0; lane < Vector256<float>.Count; lane++) logit = MathF.Max(logit, max.GetElement(lane));
        for (; i < logits.Length; i++)
        {
            valid &= !float.IsNaN(logits[i]);
            logit = MathF.Max(logit, logits[i]);
        }
        valid &= float.IsFinite(logit);
        peak = valid ? new(logits.IndexOf(logit), logit) : default;
        return valid;
    }
}
