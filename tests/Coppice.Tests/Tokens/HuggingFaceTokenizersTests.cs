using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Coppice.Tests.Tokens;

/// <summary>The npm package @huggingface/tokenizers 0.2.0 as a second judge.</summary>
public sealed class HuggingFaceTokenizersTests
{
    private const string Script = """
        import { Tokenizer } from "@huggingface/tokenizers";
        import fs from "node:fs";
        const { files, texts } = JSON.parse(fs.readFileSync("input.json", "utf8"));
        fs.writeFileSync("output.json", JSON.stringify(files.map(file => {
          const tokenizer = new Tokenizer(JSON.parse(fs.readFileSync(file, "utf8")), {});
          return texts.map(text => tokenizer.encode(text, { add_special_tokens: false }).ids);
        })));
        """;

    [NpmFact]
    public void The_npm_package_gives_the_same_tokens()
    {
        (string File, Tokenizer Tokenizer)[] tokenizers = [(Path.Combine(TestData.SampleModel, "tokenizer.json"), Tokenizers.Sample)];
        if (TestData.HasShared)
        {
            string pythia = TestData.Shared("testdata/tokenizers/pythia-tokenizer.json");
            tokenizers = [.. tokenizers, (pythia, Tokenizers.Json(File.ReadAllText(pythia))), (TestData.Shared("testdata/stories260K/hf/tokenizer.json"), Tokenizers.Stories)];
        }
        Random random = new(11);
        // JavaScript's \d is ASCII and its \s is without U+0085, unlike those of the tokenizers library, so the package is no judge of such texts.
        string[] texts = [.. Enumerable.Range(0, 1000).Select(_ => RandomText.Next(random, 20)).Where(t => t.Length > 0 && !t.EnumerateRunes().Any(r => r.Value == 0x85 || (!r.IsAscii && Rune.IsNumber(r))))];
        JsonObject input = new()
        {
            ["files"] = new JsonArray([.. tokenizers.Select(t => JsonValue.Create(Path.GetFullPath(t.File)))]),
            ["texts"] = new JsonArray([.. texts.Select(t => JsonValue.Create(t))]),
        };
        int[][][] expected = JsonSerializer.Deserialize<int[][][]>(Npm.Run("@huggingface/tokenizers@0.2.0", Script, input.ToJsonString()))!;
        int differing = 0;
        string first = "";
        for (int t = 0; t < tokenizers.Length; t++)
        {
            for (int i = 0; i < texts.Length; i++)
            {
                int[] ids = tokenizers[t].Tokenizer.Encode(texts[i], Specials.InText);
                if (ids.SequenceEqual(expected[t][i])) continue;
                if (differing++ < 5) first += $"{tokenizers[t].File}: {JsonSerializer.Serialize(texts[i])}\n  npm  {string.Join(' ', expected[t][i])}\n  here {string.Join(' ', ids)}\n";
            }
        }
        Assert.True(differing == 0, $"{differing} differ, such as\n{first}");
    }
}
