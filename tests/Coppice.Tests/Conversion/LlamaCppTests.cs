using System.Runtime.InteropServices;
using System.Text.Json;
using Coppice.Loading;
using Coppice.Tests.Loading;
using static Coppice.Tests.Conversion.Converted;

namespace Coppice.Tests.Conversion;

/// <summary>llama.cpp itself as a judge of written files: the npm package node-llama-cpp 3.22.1 has it built for Linux.</summary>
public sealed class LlamaCppTests
{
    private const string Script = """
        import { getLlama, LlamaLogLevel } from "node-llama-cpp";
        import fs from "node:fs";
        const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
        const output = [];
        for (const { file, prompt, following } of JSON.parse(fs.readFileSync("input.json", "utf8"))) {
          const model = await llama.loadModel({ modelPath: file });
          const context = await model.createContext({ contextSize: 256, flashAttention: false, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" });
          const options = { temperature: 1, topK: 0, topP: 1, minP: 0 };
          const input = [...prompt.slice(0, -1), ...[prompt.at(-1), ...following].map(token => [token, { generateNext: { probabilities: true, options } }])];
          const results = await context.getSequence().controlledEvaluate(input);
          output.push(results.slice(prompt.length - 1).map(result => [...result.next.probabilities]));
          await context.dispose();
          await model.dispose();
        }
        fs.writeFileSync("output.json", JSON.stringify(output));
        process.exit(0);
        """;

    // Settings that have keys and that llama.cpp does not look at in these families; and a context below its smallest.
    private static readonly string[] s_otherwise = ["mistral folder", "gemma 2 with a scale of its own folder", "qwen3 moe of shares folder", "phi-4 mini short folder"];

    [NpmFact]
    public void It_gives_the_probabilities_that_the_folder_gives()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.OSArchitecture != Architecture.X64) return;
        using TempFolder all = new();
        string[] names = [.. FamilyConversionTests.Folders.Cast<object[]>().Select(row => (string)row[0]).Except(s_otherwise)];
        List<List<float[]>> own = [];
        List<object> input = [];
        foreach ((int i, string name) in names.Index())
        {
            using TempFolder folder = new();
            string from = FamilyConversionTests.Write(name, folder), file = all.File($"{i}.gguf");
            Convert(from, WeightType.F32, file);
            own.Add(FamilyConversionTests.Logits(name, from, new EngineOptions { Weights = WeightFormat.F32 }, decoded: 3));
            input.Add(new { file, prompt = FamilyConversionTests.Prompt(name), following = own[^1].SkipLast(1).Select(logits => Array.IndexOf(logits, logits.Max())) });
        }
        double[][][][] probabilities = JsonSerializer.Deserialize<double[][][][]>(Npm.Run("node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1", Script, JsonSerializer.Serialize(input)))!;
        for (int i = 0; i < names.Length; i++)
        {
            for (int at = 0; at < own[i].Count; at++)
            {
                float most = own[i][at].Max();
                double sum = own[i][at].Sum(logit => Math.Exp(logit - most));
                Assert.Equal(own[i][at].Length, probabilities[i][at].Length);
                // Its GELU is a table of halves; the others agree within 1e-5.
                double tolerance = names[i].StartsWith("pythia", StringComparison.Ordinal) || names[i].StartsWith("gemma", StringComparison.Ordinal) ? 1e-3 : 1e-5;
                foreach (double[] one in probabilities[i][at])
                    Assert.True(Math.Abs(Math.Exp(own[i][at][(int)one[0]] - most) / sum - one[1]) < tolerance, $"{names[i]}: token {one[0]} at {at} has the probability {one[1]} in llama.cpp.");
            }
        }
    }
}
