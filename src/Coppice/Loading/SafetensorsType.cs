namespace Coppice.Loading;

/// <summary>An element type of a safetensors file.</summary>
/// <param name="Name">As written in the header.</param>
/// <param name="Bits">Of one element.</param>
/// <param name="Weight">Null: cannot be computed with.</param>
internal readonly record struct SafetensorsType(string Name, int Bits, WeightType? Weight = null)
{
    private static readonly SafetensorsType[] s_all =
    [
        new("F32", 32, WeightType.F32), new("F16", 16, WeightType.F16), new("BF16", 16, WeightType.BF16),
        new("F64", 64), new("C64", 64),
        new("F8_E4M3", 8), new("F8_E5M2", 8), new("F8_E8M0", 8), new("F8_E4M3FNUZ", 8), new("F8_E5M2FNUZ", 8),
        new("F6_E2M3", 6), new("F6_E3M2", 6), new("F4", 4),
        new("I8", 8), new("I16", 16), new("I32", 32), new("I64", 64),
        new("U8", 8), new("U16", 16), new("U32", 32), new("U64", 64), new("BOOL", 8),
    ];

    public static bool TryFind(string name, out SafetensorsType type)
    {
        int index = Array.FindIndex(s_all, t => t.Name == name);
        type = index >= 0 ? s_all[index] : default;
        return index >= 0;
    }
}
