using System.Globalization;
using System.Runtime.InteropServices;
using Coppice.Kernels;
using Coppice.Kernels.Attention;
using Coppice.Kernels.Emitted;

namespace Coppice.Cli.Bench.Machine;

/// <summary>The machine that figures were taken on.</summary>
internal sealed record MachineInfo
{
    // Those that decide which kernels run, as Linux names them.
    private static readonly string[] Telling =
    [
        "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
        "asimd", "asimddp", "i8mm", "bf16", "sve",
    ];

    private const long AssumedCacheBytes = 32L << 20;

    /// <summary>As the system names it.</summary>
    public required string Cpu { get; init; }

    /// <summary>Logical cores that the process may use.</summary>
    public required int Cores { get; init; }

    public required IReadOnlyList<string> InstructionSets { get; init; }

    /// <summary>The level in force, and why.</summary>
    public required string Isa { get; init; }

    /// <summary>For each dot product and matrix unit: emitted code, or why not.</summary>
    public required IReadOnlyList<string> DotProducts { get; init; }

    public required long MemoryBytes { get; init; }

    /// <summary>The last level of cache, as the system tells it; assumed where it does not.</summary>
    public required long LastCacheBytes { get; init; }

    public required string System { get; init; }

    public required string Runtime { get; init; }

    public static MachineInfo Read()
    {
        IReadOnlyDictionary<string, string> cpu = CpuFields("/proc/cpuinfo");
        HashSet<string> flags = [.. (cpu.GetValueOrDefault("flags") ?? cpu.GetValueOrDefault("Features") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        return new MachineInfo
        {
            Cpu = cpu.GetValueOrDefault("model name") ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? RuntimeInformation.ProcessArchitecture.ToString(),
            Cores = Environment.ProcessorCount,
            InstructionSets = [.. Telling.Where(flags.Contains)],
            Isa = Kernels.Isa.Describe(),
            DotProducts = [.. Enum.GetValues<DotFormat>().Select(EmittedTile.Note), Bf16Matrix.Note, Q8Matrix.Note, Bf16Fold.Note],
            MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            LastCacheBytes = CacheBytes("/sys/devices/system/cpu/cpu0/cache") ?? AssumedCacheBytes,
            System = RuntimeInformation.OSDescription,
            Runtime = RuntimeInformation.FrameworkDescription,
        };
    }

    /// <summary>A few lines for people.</summary>
    public string Describe(int threads) =>
        $"{Cpu}, {Cores} cores, {threads} threads used, {MemoryBytes / (double)(1L << 30):0.#} GiB, last cache {LastCacheBytes / (double)(1L << 20):0.#} MiB, {Runtime}\n"
        + $"{Isa}; {string.Join("; ", DotProducts)}"
        + (InstructionSets.Count == 0 ? "" : $"\n{string.Join(' ', InstructionSets)}");

    /// <summary>The fields of the first processor; none where there is no such file.</summary>
    internal static IReadOnlyDictionary<string, string> CpuFields(string path)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!File.Exists(path)) return fields;
        foreach (string line in File.ReadLines(path))
        {
            if (line.Length == 0) break;
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0) fields.TryAdd(line[..colon].Trim(), line[(colon + 1)..].Trim());
        }
        return fields;
    }

    private static long? CacheBytes(string folder)
    {
        if (!Directory.Exists(folder)) return null;
        long largest = 0;
        foreach (string index in Directory.EnumerateDirectories(folder, "index*"))
        {
            string file = Path.Combine(index, "size");
            if (!File.Exists(file)) continue;
            string size = File.ReadAllText(file).Trim();
            long unitBytes = size.EndsWith('K') ? 1L << 10 : size.EndsWith('M') ? 1L << 20 : 1;
            if (long.TryParse(size.TrimEnd('K', 'M'), NumberStyles.None, CultureInfo.InvariantCulture, out long number)) largest = Math.Max(largest, number * unitBytes);
        }
        return largest > 0 ? largest : null;
    }
}
