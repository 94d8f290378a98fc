namespace Coppice.Tests.Models;

/// <summary>Activations and RoPE's angles as their papers have them, in double.</summary>
internal static class TinyMath
{
    public static double Gelu(double x)
    {
        // Φ by Simpson's rule: no error function is at hand.
        const int steps = 4000;
        double end = Math.Clamp(x, -12, 12), width = end / steps, sum = 1 + Math.Exp(-end * end / 2);
        for (int i = 1; i < steps; i++) sum += (i % 2 == 0 ? 2 : 4) * Math.Exp(-i * width * i * width / 2);
        return x * (0.5 + sum * width / 3 / Math.Sqrt(2 * Math.PI));
    }

    public static double GeluTanh(double x) => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

    public static double[] Plain(double ropeBase, int r) => [.. Enumerable.Range(0, r / 2).Select(i => Math.Pow(ropeBase, -2.0 * i / r))];

    public static double[] Divided(double ropeBase, int r, Func<int, double> divisor) => [.. Plain(ropeBase, r).Select((angle, i) => angle / divisor(i))];

    // Peng et al. 2023, equations 20 and following: γ over the pair's index between the two bounds, which are whole pairs.
    public static double[] Yarn(double ropeBase, int r, double factor, double original, double fast, double slow)
    {
        double Pair(double turns) => r * Math.Log(original / (turns * 2 * Math.PI)) / (2 * Math.Log(ropeBase));
        double low = Math.Max(0, Math.Floor(Pair(fast))), high = Math.Min(r - 1, Math.Ceiling(Pair(slow)));
        Assert.True(high - low >= 2);
        return [.. Plain(ropeBase, r).Select((angle, i) => i <= low ? angle : i >= high ? angle / factor : angle * (1 - (i - low) / (high - low)) + angle / factor * (i - low) / (high - low))];
    }

    public static double Llama3Divisor(double wavelength, double factor, double low, double high, double original)
    {
        if (wavelength < original / high) return 1;
        if (wavelength > original / low) return factor;
        double smooth = (original / wavelength - low) / (high - low);
        return 1 / ((1 - smooth) / factor + smooth);
    }
}
