namespace Coppice.Attention;

/// <summary>How a layer weighs what it sees.</summary>
/// <param name="Scale">Multiplies q · k.</param>
/// <param name="Window">
/// Positions that a row sees, its own and those before it: a row at position p sees (p - Window, p] (Mistral 7B, arXiv 2310.06825). 0: all.
/// </param>
/// <param name="SoftCap">A scaled score s becomes SoftCap · tanh(s / SoftCap) (Gemma 2, arXiv 2408.00118). 0: as it is.</param>
internal readonly record struct AttentionRule(double Scale, int Window = 0, float SoftCap = 0)
{
    private const double Log2E = 1.4426950408889634;

    /// <summary>1 / √D, and nothing else (Vaswani et al. 2017).</summary>
    public static AttentionRule Plain(int d) => new(1 / Math.Sqrt(d));

    /// <summary>Neither a window nor a cap.</summary>
    public bool IsPlain => Window == 0 && SoftCap == 0;

    /// <summary>Goes into the queries once: <see cref="Scale"/>, and the factor that makes 2^x of e^x.</summary>
    public float QueryFactor => (float)(Log2E * Scale);

    /// <summary><see cref="SoftCap"/> for scores that carry <see cref="QueryFactor"/>.</summary>
    public float ScoreCap => (float)(Log2E * SoftCap);

    /// <summary>The rule for a row at <paramref name="position"/>: a window that reaches back to the beginning is none.</summary>
    public AttentionRule At(int position) => position < Window ? this with { Window = 0 } : this;

    /// <summary>First position that a row at <paramref name="position"/> sees.</summary>
    public int FirstSeen(int position) => FirstSeen(position, Window);

    /// <inheritdoc cref="FirstSeen(int)"/>
    public static int FirstSeen(int position, int window) => window == 0 ? 0 : Math.Max(0, position - window + 1);
}
