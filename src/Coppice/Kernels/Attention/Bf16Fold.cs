using System.Collections.Concurrent;
using System.ComponentModel;
using Coppice.Attention;
using Coppice.Kernels.Emitted;
using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// Folds blocks as <see cref="BlockFold"/> does, in the arithmetic of bf16 products: q, k, p and v are bf16, sums are floats. Keys and
/// values in bf16 take this way where the CPU has AMX and the head size is a multiple of 32 (<see cref="Bf16FoldItems"/>), or where it
/// multiplies bf16 vectors faster than floats (<see cref="Bf16DotFold"/>); elsewhere they are widened.
/// Sums over D and over positions: by AMX in steps of 32, from zero one chain of fused multiply-adds over the even elements and one over the
/// odd ones, and their sum is added (tdpbf16ps); on vectors one chain (vdpbf16ps). 2^x is a cubic, 7.5e-5 off at most, since p is rounded to 8 bits.
/// l adds up the rounded weights: then what rounding does to all weights alike cancels out, and a single weight divides by itself.
/// </summary>
internal static unsafe class Bf16Fold
{
    /// <summary>Minimax for 2^f, 0 ≤ f &lt; 1, in relative error.</summary>
    public const float C0 = 0.9999251961708069f, C1 = 0.6958335638046265f, C2 = 0.22606715559959412f, C3 = 0.07802452147006989f;

    /// <summary>m moves when a weight is above it.</summary>
    public const float Limit = 256f;

    private const int BlockTokens = KvLayout.BlockTokens, PageTokens = KvLayout.PageTokens, StepInputs = Bf16FoldCode.StepInputs;

    private static readonly Lazy<string?>
        Refusal = new(() => Check(Bf16Arithmetic.Matrix, MatrixUnit.WhyNot ?? (Isa.HasMatrixBf16 && Isa.HasBf16Dot ? null : "the CPU lacks bf16 instructions"))),
        DotRefusal = new(() => Check(Bf16Arithmetic.Dot, EmittedTile.Of(DotFormat.BF16) is null ? EmittedTile.Note(DotFormat.BF16) : null));

    private static readonly ConcurrentDictionary<(int HeadSize, int KeyStepBytes), Bf16FoldCode> Codes = new();

    /// <summary>Null where the matrix unit folds; else why not.</summary>
    public static string? WhyNot => Refusal.Value;

    /// <summary>Null where vectors of bf16 can fold; else why not. Where they also do is <see cref="Arithmetic"/>'s to say.</summary>
    public static string? WhyNoDot => DotRefusal.Value;

    /// <summary>
    /// How rows of this layout and rule are folded; by <see cref="Bf16Arithmetic.Chain"/> keys and values are widened, or are floats. A rule and no
    /// measurement: the same machine always computes the same bits. A forced level of 512 bits stands for a processor with all of AVX-512 and no AMX.
    /// </summary>
    /// <param name="layout">Of the cache.</param>
    /// <param name="rule"><see cref="AttentionRule.At"/> the row's position: rows that a window or a cap bounds are widened.</param>
    public static Bf16Arithmetic Arithmetic(KvLayout layout, AttentionRule rule)
    {
        if (!rule.IsPlain || layout.Format != KvFormat.BF16) return Bf16Arithmetic.Chain;
        if (layout.HeadSize % StepInputs == 0 && WhyNot is null) return Bf16Arithmetic.Matrix;
        return (Isa.HasFastBf16Dot || !Isa.Unforced) && WhyNoDot is null ? Bf16Arithmetic.Dot : Bf16Arithmetic.Chain;
    }

    /// <summary>A line for people: how rows of usual layers are folded.</summary>
    public static string Note => "bf16 attention: " + Arithmetic(new KvLayout(1, 1, StepInputs, KvFormat.BF16), AttentionRule.Plain(StepInputs)) switch
    {
        Bf16Arithmetic.Matrix => "emitted code, tdpbf16ps",
        Bf16Arithmetic.Dot => "emitted code, vdpbf16ps",
        _ => "widened to f32",
    };

    /// <summary>The code for a head size and <see cref="KvLayout.KeyStepBytes"/>, made once.</summary>
    public static Bf16FoldCode Code(int headSize, int keyStepBytes = KvLayout.KeyLineBytes) => Codes.GetOrAdd((headSize, keyStepBytes), static sizes => new Bf16FoldCode(sizes.HeadSize, sizes.KeyStepBytes));

    /// <summary>The definition. Keys and values are floats that bf16 holds; queries are rounded here. Slow, obvious, never optimised.</summary>
    public static void Reference(Bf16Arithmetic arithmetic, in KvBlock block, in HeadRows rows, int first, int end)
    {
        Span<float> s = stackalloc float[BlockTokens], p = stackalloc float[BlockTokens], v = stackalloc float[BlockTokens], q = stackalloc float[rows.D];
        for (int row = first; row < end; row++)
        {
            int visible = Math.Clamp(rows.Positions[row] + 1 - block.StartPosition, 0, BlockTokens);
            if (visible == 0) continue;
            for (int i = 0; i < rows.D; i++) q[i] = Bf16.Widen(Bf16.Round(rows.Q[row * rows.D + i]));
            for (int t = 0; t < visible; t++) s[t] = Dot(arithmetic, q, block.Keys(t / PageTokens) + t % PageTokens, (int)block.KeyStepFloats, 0f);
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
                fixed (float* column = v) o[i] = Dot(arithmetic, p, column, 1, o[i]);
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

    /// <summary>c + a · b. Numbers below the normal range, given or resulting, count as zeros.</summary>
    private static float Dot(Bf16Arithmetic arithmetic, ReadOnlySpan<float> a, float* b, int bStride, float c)
    {
        if (arithmetic == Bf16Arithmetic.Dot)
        {
            uint sum = BitConverter.SingleToUInt32Bits(c);
            for (int i = 0; i < a.Length; i += 2) sum = Emitted.Dot.Reference(DotFormat.BF16, Pair(a[i], a[i + 1]), Pair(b[i * bStride], b[(i + 1) * bStride]), sum);
            return BitConverter.UInt32BitsToSingle(sum);
        }

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

    /// <summary>Two numbers that bf16 holds, in a lane.</summary>
    private static uint Pair(float even, float odd) => BitConverter.SingleToUInt32Bits(even) >> 16 | BitConverter.SingleToUInt32Bits(odd) & 0xFFFF0000;

    private static float Flush(float x) => MathF.Abs(x) < 1.17549435E-38f ? MathF.CopySign(0f, x) : x;

    private static string? Check(Bf16Arithmetic arithmetic, string? lacking)
    {
        if (lacking is not null) return lacking;
        try
        {
            return Bf16FoldCheck.Agrees(arithmetic) ? null : "this CPU rounds bf16 products in another way";
        }
        catch (Win32Exception error)
        {
            return $"the system refuses executable memory ({error.Message})";
        }
    }
}
