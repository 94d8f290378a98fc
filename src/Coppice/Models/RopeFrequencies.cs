namespace Coppice.Models;

/// <summary>The angles of RoPE's pairs per position, stretched as a model's config says. In double; R: elements that turn.</summary>
internal static class RopeFrequencies
{
    /// <param name="rope">Base and scaling.</param>
    /// <param name="maxPositions">The engine's configured context, on which some scalings depend.</param>
    /// <returns>[R/2]</returns>
    public static double[] Of(RopeConfig rope, int maxPositions) => rope.Scaling switch
    {
        null => Plain(rope.Base, rope.Dimensions),
        { Kind: RopeScalingKind.Linear } s => Each(rope, (_, angle) => angle / s.Factor),
        { Kind: RopeScalingKind.Dynamic } s => Plain(DynamicBase(rope, s, maxPositions), rope.Dimensions),
        { Kind: RopeScalingKind.Yarn } s => Yarn(rope, s),
        { Kind: RopeScalingKind.Llama3 } s => Each(rope, (_, angle) => Llama3(angle, s)),
        { Kind: RopeScalingKind.LongRope } s => Divided(rope, maxPositions > s.OriginalContextTokens ? s.LongDivisors! : s.ShortDivisors!),
        { Kind: RopeScalingKind.Divisors } s => Divided(rope, s.LongDivisors!),
        { } s => throw new ArgumentOutOfRangeException(nameof(rope), s.Kind, "Unknown RoPE scaling."),
    };

    private static double[] Plain(double ropeBase, int dimensions)
    {
        double[] angles = new double[dimensions / 2];
        for (int i = 0; i < angles.Length; i++) angles[i] = Math.Pow(ropeBase, -2.0 * i / dimensions);
        return angles;
    }

    private static double[] Each(RopeConfig rope, Func<int, double, double> change)
    {
        double[] angles = Plain(rope.Base, rope.Dimensions);
        for (int i = 0; i < angles.Length; i++) angles[i] = change(i, angles[i]);
        return angles;
    }

    private static double[] Divided(RopeConfig rope, IReadOnlyList<float> divisors) => Each(rope, (i, angle) => angle / divisors[i]);

    // NTK-aware: base · (factor · L / L0 - (factor - 1))^(R / (R - 2)), so that the slowest pair is stretched by that much and the fastest not at all.
    private static double DynamicBase(RopeConfig rope, RopeScaling s, int maxPositions)
    {
        double longer = Math.Max((double)maxPositions / s.OriginalContextTokens, 1);
        return rope.Base * Math.Pow(s.Factor * longer - (s.Factor - 1), rope.Dimensions / (rope.Dimensions - 2.0));
    }

    private static double[] Yarn(RopeConfig rope, RopeScaling s)
    {
        // The pair that turns so many times over the original context.
        double PairOf(double turns) => rope.Dimensions * Math.Log(s.OriginalContextTokens / (turns * 2 * Math.PI)) / (2 * Math.Log(rope.Base));

        double low = PairOf(s.BetaFast), high = PairOf(s.BetaSlow);
        if (s.WholePairs) (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, rope.Dimensions - 1));
        if (low == high) high += 0.001;
        return Each(rope, (i, angle) =>
        {
            double interpolated = Math.Clamp((i - low) / (high - low), 0, 1);
            return angle / s.Factor * interpolated + angle * (1 - interpolated);
        });
    }

    private static double Llama3(double angle, RopeScaling s)
    {
        double turns = s.OriginalContextTokens * angle / (2 * Math.PI);
        if (turns < s.LowFrequencyFactor) return angle / s.Factor;
        if (turns > s.HighFrequencyFactor) return angle;
        double kept = (turns - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor);
        return (1 - kept) * angle / s.Factor + kept * angle;
    }
}
