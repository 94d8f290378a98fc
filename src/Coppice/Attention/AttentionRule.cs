namespace Coppice.Attention;

/// <summary>How a layer weighs what it sees.</summary>
/// <param name="Scale">Multiplies q · k.</param>
/// <param name="Window">Positions that a row sees, its own included; 0: all up to its own.</param>
/// <param name="SoftCap">A score s becomes cap · tanh(s / cap) (arXiv 2408.00118); 0: stays as it is.</param>
internal readonly record struct AttentionRule(double Scale, int Window = 0, float SoftCap = 0)
{
    /// <summary>1 / √D, and nothing else (Vaswani et al. 2017).</summary>
    public static AttentionRule Plain(int d) => new(1 / Math.Sqrt(d));

    /// <summary>Goes into the queries once: <see cref="Scale"/>, and the factor that makes 2^x of e^x.</summary>
    public float QueryFactor => (float)(1.4426950408889634 * Scale);
}
