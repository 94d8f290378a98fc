namespace Coppice.Loading;

/// <summary>A tensor type of ggml: blocks of <see cref="BlockElements"/> numbers in <see cref="BlockBytes"/> bytes.</summary>
/// <param name="Name">ggml's name for it.</param>
/// <param name="BlockElements">Divides a row. 0: the type was removed from the format.</param>
/// <param name="BlockBytes">Bytes of a block.</param>
/// <param name="Weight">Null: cannot be computed with.</param>
internal readonly record struct GgmlType(string Name, int BlockElements, int BlockBytes, WeightType? Weight = null)
{
    private static GgmlType Removed(string name) => new(name, 0, 0);

    // Index: the type's id in the file (ggml.h, enum ggml_type).
    private static readonly GgmlType[] s_all =
    [
        new("F32", 1, 4, WeightType.F32), new("F16", 1, 2, WeightType.F16),
        new("Q4_0", 32, 18, WeightType.Q4_0), new("Q4_1", 32, 20, WeightType.Q4_1), Removed("Q4_2"), Removed("Q4_3"), // 4, 5
        new("Q5_0", 32, 22, WeightType.Q5_0), new("Q5_1", 32, 24, WeightType.Q5_1), new("Q8_0", 32, 34, WeightType.Q8_0), new("Q8_1", 32, 36),
        new("Q2_K", 256, 84, WeightType.Q2_K), new("Q3_K", 256, 110, WeightType.Q3_K), new("Q4_K", 256, 144, WeightType.Q4_K), new("Q5_K", 256, 176, WeightType.Q5_K), new("Q6_K", 256, 210, WeightType.Q6_K), new("Q8_K", 256, 292), // 10 to 15
        new("IQ2_XXS", 256, 66), new("IQ2_XS", 256, 74), new("IQ3_XXS", 256, 98), new("IQ1_S", 256, 50), new("IQ4_NL", 32, 18, WeightType.IQ4_NL), // 16 to 20
        new("IQ3_S", 256, 110), new("IQ2_S", 256, 82), new("IQ4_XS", 256, 136, WeightType.IQ4_XS),
        new("I8", 1, 1), new("I16", 1, 2), new("I32", 1, 4), new("I64", 1, 8), new("F64", 1, 8), // 24 to 28
        new("IQ1_M", 256, 56), new("BF16", 1, 2, WeightType.BF16),
        Removed("Q4_0_4_4"), Removed("Q4_0_4_8"), Removed("Q4_0_8_8"), // 31 to 33
        new("TQ1_0", 256, 54), new("TQ2_0", 256, 66),
        Removed("IQ4_NL_4_4"), Removed("IQ4_NL_4_8"), Removed("IQ4_NL_8_8"), // 36 to 38
        new("MXFP4", 32, 17), new("NVFP4", 64, 36), new("Q1_0", 128, 18), // 39 to 41
    ];

    public static bool TryFind(uint id, out GgmlType type)
    {
        type = id < (uint)s_all.Length ? s_all[id] : default;
        return id < (uint)s_all.Length;
    }

    /// <summary>The type's id in the file.</summary>
    public static uint IdOf(WeightType type) => (uint)Array.FindIndex(s_all, t => t.Weight == type);

    public bool IsRemoved => BlockElements == 0;
}
