using System.Diagnostics;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Tests.Loading;

/// <summary>The collection of hostile files: each behaves as its manifest says, at once and without large allocations.</summary>
public sealed class BadFilesTests
{
    private const long MostAllocatedBytes = 1 << 20;

    public static TheoryData<string, string> Files()
    {
        TheoryData<string, string> files = [];
        if (!TestData.HasShared)
        {
            files.Add("", "");
            return files;
        }
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllBytes(TestData.Shared("testdata/badfiles/manifest.json")));
        foreach (JsonElement entry in manifest.RootElement.EnumerateArray())
            files.Add(entry.GetProperty("file").GetString()!, entry.GetProperty("expect").GetString()!);
        return files;
    }

    [SharedTheory, MemberData(nameof(Files))]
    public void A_file_of_the_collection_is_accepted_or_refused_as_its_manifest_says(string file, string expect)
    {
        string path = TestData.Shared($"testdata/badfiles/{file}");
        ModelFormatException? container = Measured(() =>
        {
            using IWeightFile weights = WeightFiles.Open(path);
            TensorReading.ReadAll(weights);
        });
        switch (expect)
        {
            case "accept":
                Assert.Null(container);
                break;
            case "reject":
                Assert.NotNull(container);
                Assert.Contains(file, container.Message, StringComparison.Ordinal);
                break;
            case "reject-model" or "must-error":
                Assert.Null(container);
                Assert.NotNull(Measured(() => ModelSource.Open(path).Dispose()));
                break;
            default: // either will do, if it is clean
                Assert.Contains("accept", expect, StringComparison.Ordinal);
                break;
        }
    }

    [SharedFact]
    public void The_collection_is_whole() => Assert.InRange(Files().Count, 56, int.MaxValue);

    [SharedTheory]
    [InlineData("gguf_bad_align_0.gguf", "'general.alignment' is 0; needed: a power of two")]
    [InlineData("gguf_bad_removed_type_31.gguf", "Tensor 'a' has type Q4_0_4_4 (id 31)")]
    [InlineData("gguf_bad_version_bigendian.gguf", "big-endian")]
    [InlineData("gguf_dup_key.gguf", "twice")]
    [InlineData("st_bad_far.safetensors", "Tensor 'a': data_offsets is [1099511627776, 1099511627792]")]
    [InlineData("st_bad_hdr_100MB_plus1.safetensors", "100000001; at most 100000000")]
    [InlineData("st_bad_extra.safetensors", "follow the last tensor")]
    [InlineData("st_index_traversal.safetensors.index.json", "'../../../../etc/passwd'")]
    public void A_refusal_names_field_value_and_limit(string file, string message) =>
        Assert.Contains(message, Assert.Throws<ModelFormatException>(() => WeightFiles.Open(TestData.Shared($"testdata/badfiles/{file}"))).Message, StringComparison.Ordinal);

    [SharedTheory]
    [InlineData("gguf_sem_kv0.gguf", "'llama.attention.head_count_kv' is 0; needed: a number from 1 to 4096")]
    [InlineData("gguf_sem_blocks_4e9.gguf", "'llama.block_count' is 4294967295; needed: a number from 1 to 1024")]
    [InlineData("gguf_sem_arch_missing.gguf", "'general.architecture' is missing")]
    public void A_model_refusal_names_key_value_and_limit(string file, string message) =>
        Assert.Contains(message, Assert.Throws<ModelFormatException>(() => ModelSource.Open(TestData.Shared($"testdata/badfiles/{file}"))).Message, StringComparison.Ordinal);

    private static ModelFormatException? Measured(Action open)
    {
        ModelFormatException? error = Try(open); // the first time pays for the JIT
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
        Stopwatch watch = Stopwatch.StartNew();
        Try(open);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocatedBefore, 0, MostAllocatedBytes);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        return error;
    }

    private static ModelFormatException? Try(Action open)
    {
        try
        {
            open();
            return null;
        }
        catch (ModelFormatException e)
        {
            return e;
        }
    }
}
