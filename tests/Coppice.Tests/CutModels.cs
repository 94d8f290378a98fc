using System.Text.Json.Nodes;
using Coppice.Conversion;
using Coppice.Loading;
using Coppice.Tests.Loading;
using Coppice.Tokens;

namespace Coppice.Tests;

/// <summary>The small model with a tokenizer that has fewer tokens than it has rows, as padded checkpoints do, in every container.</summary>
public sealed class CutModels : IDisposable
{
    /// <summary>Tokens that are left of 512.</summary>
    public const int Tokens = 400;

    /// <summary>A token that is taken from the middle of <see cref="Gap"/>.</summary>
    public const int Missing = 262;

    public const string Folder = "folder", Gguf = "cut.gguf", Padded = "padded.gguf", Gap = "gap", PaddedGap = "gap.gguf";

    private readonly TempFolder _folder = new();

    public CutModels()
    {
        if (!TestData.HasShared) return;
        CopyFolder(Folder, id => id < Tokens);
        CopyFolder(Gap, id => id != Missing);
        WriteGguf(Gguf, Tokens, _ => true);
        WriteGguf(Padded, 512, id => id < Tokens);
        WriteGguf(PaddedGap, 512, id => id != Missing);
    }

    public string Path(string model) => _folder.File(model);

    public Engine Open(string model) => Engine.Open(Path(model), new EngineOptions { KvBytes = 32 << 20, Threads = 2 });

    public void Dispose() => _folder.Dispose();

    private void CopyFolder(string name, Func<int, bool> keeps)
    {
        string from = TestData.Shared("testdata/stories260K/hf"), to = Path(name);
        Directory.CreateDirectory(to);
        foreach (string file in (string[])["config.json", "generation_config.json", "tokenizer_config.json", "model.safetensors"])
            File.Copy(System.IO.Path.Combine(from, file), System.IO.Path.Combine(to, file));
        JsonNode tokenizer = JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(from, "tokenizer.json")))!;
        JsonObject words = tokenizer["model"]!["vocab"]!.AsObject();
        foreach (string piece in words.Where(word => !keeps((int)word.Value!)).Select(word => word.Key).ToArray()) words.Remove(piece);
        JsonArray merges = tokenizer["model"]!["merges"]!.AsArray();
        for (int i = merges.Count - 1; i >= 0; i--)
        {
            string[] pair = merges[i] is JsonArray two ? [(string)two[0]!, (string)two[1]!] : ((string)merges[i]!).Split(' ');
            if (!words.ContainsKey(pair[0]) || !words.ContainsKey(pair[1]) || !words.ContainsKey(pair[0] + pair[1])) merges.RemoveAt(i);
        }
        File.WriteAllText(System.IO.Path.Combine(to, "tokenizer.json"), tokenizer.ToJsonString());
    }

    // Converters spell padding out, as tokens that are not used.
    private void WriteGguf(string name, int tokens, Func<int, bool> keeps)
    {
        const string prefix = "tokenizer.ggml.";
        using GgufFile file = GgufFile.Open(TestData.Shared("testdata/stories260K/stories260K-f32.gguf"));
        using FileStream stream = new(Path(name), FileMode.CreateNew);
        GgufWriter writer = new(stream);
        foreach (string key in file.Metadata.Keys.Except([prefix + "tokens", prefix + "scores", prefix + "token_type"])) writer.Copy(file.Metadata, key);
        writer.Key(prefix + "tokens", (IReadOnlyList<string>)[.. file.Metadata.StringArray(prefix + "tokens")[..tokens].Select((piece, id) => keeps(id) ? piece : $"[PAD{id}]")]);
        writer.Key(prefix + "scores", (IReadOnlyList<float>)file.Metadata.FloatArray(prefix + "scores")[..tokens]);
        writer.Key(prefix + "token_type", (IReadOnlyList<int>)[.. file.Metadata.IntArray(prefix + "token_type")[..tokens].Select((type, id) => keeps(id) ? type : (int)PieceType.Unused)]);
        foreach (WeightTensor tensor in file.Tensors) writer.Tensor(new GgufTensor(tensor.Name, tensor.Shape, tensor.Type));
        writer.WriteHeader();
        foreach (WeightTensor tensor in file.Tensors)
        {
            for (long row = 0; row < tensor.Rows(); row++) writer.Append(tensor.RowBytes(row));
            writer.Pad();
        }
    }
}
