using Coppice.Loading;

namespace Coppice.Conversion;

/// <summary>
/// Which type a tensor gets when a file is asked to be of one. Vectors and routers of experts stay 32-bit floats: they are small and matter.
/// The output layer gets no fewer than six bits, since each of its errors is one of a logit. Rows that are no whole blocks of 256 get a format
/// of 32 with at least as many bits, and rows that are no whole blocks of 32 stay as the source has them.
/// </summary>
internal static class TypePolicy
{
    private const string Output = "output.weight", Embedding = "token_embd.weight", RouterEnd = ".ffn_gate_inp.weight";

    /// <param name="asked">What the file should be of.</param>
    /// <param name="source">The tensor, by its name in GGUF.</param>
    /// <param name="tied">The output layer uses the embedding's weights.</param>
    public static WeightType Choose(WeightType asked, WeightTensor source, bool tied)
    {
        if (source.Shape.Count < 2 || source.Name.EndsWith(RouterEnd, StringComparison.Ordinal)) return WeightType.F32;
        bool isOutput = source.Name == Output || tied && source.Name == Embedding;
        return Fitting(isOutput && BlockFormat.Of(asked) is { Bits: < 6 } ? WeightType.Q6_K : asked, source);
    }

    // The formats that llama.cpp falls back to.
    private static WeightType Fitting(WeightType type, WeightTensor source)
    {
        if (BlockFormat.Of(type) is not { } format || source.Shape[^1] % format.BlockElements == 0) return type;
        WeightType smaller = type switch
        {
            WeightType.Q2_K or WeightType.Q3_K or WeightType.IQ4_XS => WeightType.IQ4_NL,
            WeightType.Q4_K => WeightType.Q5_0,
            WeightType.Q5_K => WeightType.Q5_1,
            _ => WeightType.Q8_0,
        };
        return source.Shape[^1] % BlockFormat.Of(smaller)!.BlockElements == 0 ? smaller : source.Type;
    }

    /// <summary>general.file_type: llama.cpp's number for a file mostly of this type.</summary>
    public static uint FileType(WeightType type) => type switch
    {
        WeightType.F32 => 0,
        WeightType.F16 => 1,
        WeightType.Q4_0 => 2,
        WeightType.Q4_1 => 3,
        WeightType.Q8_0 => 7,
        WeightType.Q5_0 => 8,
        WeightType.Q5_1 => 9,
        WeightType.Q2_K => 10,
        WeightType.Q3_K => 11,
        WeightType.Q4_K => 14,
        WeightType.Q5_K => 16,
        WeightType.Q6_K => 18,
        WeightType.IQ4_NL => 25,
        WeightType.IQ4_XS => 30,
        _ => 32,
    };
}
