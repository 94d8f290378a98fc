namespace Coppice.Models.Families;

/// <summary>Mistral: Llama's architecture with a sliding window (arXiv 2310.06825), in versions 0.2 and later without. Its GGUF files are Llama's.</summary>
internal static class Mistral
{
    // What the published class takes where a config is silent; a null means no window.
    private const int DefaultWindow = 4096;

    public static readonly ModelFamily Family = new("mistral", "mistral", "MistralForCausalLM", Llama.Family.GgufArchitecture, Read, Llama.Write, WeightNames.Standard);

    private static ModelConfig Read(ConfigFields c) => Llama.Read(c) with
    {
        Window = c is JsonConfig json && !json.Fields.Mentions("sliding_window") ? DefaultWindow : c.Int32(CommonConfig.Window with { Gguf = null }, 1, CommonConfig.MaxWindow) ?? 0,
    };
}
