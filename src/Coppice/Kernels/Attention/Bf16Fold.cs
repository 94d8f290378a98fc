using System.Collections.Concurrent;
using System.ComponentModel;
using Coppice.Attention;
using Coppice.Kernels.Emitted;
using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// Folds blocks as <see cref="BlockFold"/> does, in the arithmetic of bf16 matrix units: q, k, p and v are bf16, sums are floats. Keys and
/// values in bf16 take this way where the CPU has AMX and the head size is a multiple of 32; elsewhere they are widened.
/// Sums over D and over positions go in steps of 32: from zero, one chain of fused multiply-adds over the even elements and one over the
/// odd ones, and their sum is added (tdpbf16ps). 2^x is a cubic, 7.5e-5 off at most, since p is rounded to 8 bits. l adds up the rounded
/// weights: then what rounding does to all weights alike cancels out, and a single weight divides by itself.
/// </summary>
internal static unsafe class Bf16Fold
{
    /// <summary>Minimax for 2^f, 0 ≤ f &lt; 1, in relative error.</summary>
    public const float C0 = 0.9999251961708069f, C1 = 0.6958335638046265f, C2 = 0.22606715559959412f, C3 = 0.07802452147006989f;

    /// <summary>m moves when a weight is above it.</summary>
    public const float Limit = 256f;

    private const int BlockTokens = KvLayout.BlockTokens, PageTokens = KvLayout.PageTokens, StepInputs = Bf16FoldCode.StepInputs;

    private static readonly Lazy<string?> Refusal = new(Check);
    private static readonly ConcurrentDictionary<(int HeadSize, int KeyStepBytes), Bf16FoldCode> Codes = new();

    /// <summary>Null where it runs; else why not.</summary>
    public static string? WhyNot => Refusal.Value;

    /// <summary>True if rows of this layout and rule are folded here. <paramref name="rule"/> is <see cref="AttentionRule.At"/> the row's position: rows that a window or a cap bounds are widened.</summary>
    public static bool Takes(KvLayout layout, AttentionRule rule) => rule.IsPlain && layout.Format == KvFormat.BF16 && layout.HeadSize % StepInputs == 0 && WhyNot is null;

    /// <summary>The code for a head size and <see cref="KvLayout.KeyStepBytes"/>, made once.</summary>
    public static Bf16FoldCode Code(int headSize, int keyStepBytes = KvLayout.KeyLineBytes) => Codes.GetOrAdd((headSize, keyStepBytes), static sizes => new Bf16FoldCode(sizes.HeadSize, sizes.KeyStepBytes));

    /// <summary>The definition. Keys and values are floats that bf16 holds; queries are rounded here. Slow, obvious, never optimised.</summary>
    public static void Reference(in KvBlock block, in HeadRows rows, int first, int end)
    {
        Span<float> s = stackalloc float[BlockTokens], p = stackalloc float[BlockTokens], v = stackalloc float[BlockTokens], q = stackalloc float[rows.D];
        for (int row = first; row < end; row++)
        {
            int visible = Math.Clamp(rows.Positions[row] + 1 - block.StartPosition, 0, BlockTokens);
            if (visible == 0) continue;
            for (int i = 0; i < rows.D; i++) q[i] = Bf16.Widen(Bf16.Round(rows.Q[row * rows.D + i]));
            for (int t = 0; t < visible; t++) s[t] = Dot(q, block.Keys(t / PageTokens) + t % PageTokens, (int)block.KeyStepFloats, 0f);
            float* l = rows.L + row * Lanes16.Count, o = rows.O + row * rows.PaddedD;
            if (Weigh(s[..visible], rows.M[row], p) > Limit)
            {
                float max = float.NegativeInfinity;
                foreach (float score in s[..visible]) max = ScalarMath.Max(score, max);
                float correction = Exp2.Of(rows.M[row] - max);
                for (int i = 0; i < Lanes16.Count; i++) l[i] *= correction;
                for (int i = 0; i < rows.PaddedD; i++) o[i] *= correction;
                rows.M[row] = max;
                Weigh(s[..visible], max, p);
            }

            for (int t = 0; t < BlockTokens; t += 2) l[t / 2 % Lanes16.Count] = Flush(Flush(Flush(l[t / 2 % Lanes16.Count]) + p[t + 1]) + p[t]);     // vdpbf16ps with ones
            v.Clear();
            for (int i = 0; i < rows.PaddedD; i++)
            {
                for (int t = 0; t < visible; t++) v[t] = block.Values(t / PageTokens)[t % PageTokens * rows.PaddedD + i];
                fixed (float* column = v) o[i] = Dot(p, column, 1, o[i]);
            }
        }
    }

    /// <summary>2^x as the vector code has it.</summary>
    public static float Exp2Short(float x)
    {
        if (float.IsInfinity(x)) return x > 0 ? x : 0f;
        double whole = Math.Floor((double)x), fraction = x - whole;
        float f = (float)fraction;
        if (f > fraction || f >= 1f) f = MathF.BitDecrement(f);     // vreduceps rounds down, as it was told to round x
        float p = MathF.FusedMultiplyAdd(C3, f, C2);
        p = MathF.FusedMultiplyAdd(p, f, C1);
        p = MathF.FusedMultiplyAdd(p, f, C0);
        return MathF.ScaleB(p, (int)Math.Clamp(whole, -1000, 1000));
    }

    /// <summary>c + a · b over a's steps of 32. Numbers below the normal range, given or resulting, count as zeros.</summary>
    internal static float Dot(ReadOnlySpan<float> a, float* b, int bStride, float c)
    {
        for (int step = 0; step < a.Length; step += StepInputs)
        {
            float even = 0f, odd = 0f;
            for (int i = step; i < step + StepInputs; i += 2)
            {
                even = Flush(MathF.FusedMultiplyAdd(Flush(a[i]), Flush(b[i * bStride]), even));
                odd = Flush(MathF.FusedMultiplyAdd(Flush(a[i + 1]), Flush(b[(i + 1) * bStride]), odd));
            }

            c = Flush(Flush(even + odd) + Flush(c));
        }

        return c;
    }

    /// <summary>Rounded weights of the visible positions, zeros behind them. The largest before rounding is the result.</summary>
    private static float Weigh(ReadOnlySpan<float> s, float m, Span<float> p)
    {
        float largest = 0f;
        p.Clear();
        for (int t = 0; t < s.Length; t++)
        {
            float weight = Exp2Short(s[t] - m);
            largest = ScalarMath.Max(weight, largest);
            p[t] = Bf16.Widen(Bf16.Round(Flush(weight)));
        }

        return largest;
    }

    private static float Flush(float x) => MathF.Abs(x) < 1.17549435E-38f ? MathF.CopySign(0f, x) : x;

    private static string? Check()
    {
        if ((MatrixUnit.WhyNot ?? (Isa.HasMatrixBf16 && Isa.HasBf16Dot ? null : "the CPU lacks bf16 instructions")) is { } reason) return reason;
        try
        {
            return Bf16FoldItems.AgreeWithReference() ? null : "this CPU's matrix unit rounds in another way";
        }
        catch (Win32Exception error)
        {
            return $"the system refuses executable memory ({error.Message})";
        }
    }
}
