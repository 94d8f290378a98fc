using System.CommandLine;
using System.Reflection;
using Coppice.Backends;
using Coppice.Cli.Bench.Machine;
using Coppice.Cli.Bench.Measuring;
using Coppice.Cli.Bench.Reports;
using Coppice.Kernels;

namespace Coppice.Cli.Bench;

/// <summary>The options that all verbs have.</summary>
internal sealed class CommonOptions
{
    private readonly Setting<int> _repeat = BenchOptions.Whole("--repeat", "count", 1, 100_000, 15, "Most repetitions; fewer, but three at least, where --seconds is used up");
    private readonly Setting<int> _seconds = BenchOptions.Whole("--seconds", "count", 1, 86_400, 40, "Time for all measurements together");
    private readonly Setting<int> _threads = BenchOptions.Whole("--threads", "count", 1, EngineLimits.MostThreads, Environment.ProcessorCount, "Worker threads");
    private readonly Setting<int> _buffer = BenchOptions.Whole("--buffer", "MiB", 0, 1 << 20, 0, "Memory to read for the bandwidth, and to rotate operands through; 0: twice the last cache, at most 1024");
    private readonly Option<bool> _pin = new("--pin") { Description = "Keep each worker thread to a core of its own" };
    private readonly Option<string?> _json = BenchOptions.File("--json", "Write the figures as JSON");
    private readonly Option<string?> _plot = BenchOptions.File("--plot", "Write a plot as SVG");

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_repeat.Option, _seconds.Option, _threads.Option, _buffer.Option, _pin, _json, _plot]) command.Add(option);
    }

    public BenchRun Begin(ParseResult parsed, CancellationToken cancellation)
    {
        try
        {
            Isa.ThrowIfUnknown();
        }
        catch (InvalidOperationException e)
        {
            throw new BenchException(e.Message);
        }
        if (parsed.GetValue(_pin)) ThreadAffinity.TryPin(0);    // this thread is worker 0
        return new BenchRun(parsed, cancellation)
        {
            Repeat = _repeat.In(parsed),
            Seconds = _seconds.In(parsed),
            Threads = _threads.In(parsed),
            BufferMegabytes = _buffer.In(parsed),
            Placement = parsed.GetValue(_pin) ? ThreadPlacement.Pinned : ThreadPlacement.Free,
            JsonFile = Writable(parsed.GetValue(_json)),
            PlotFile = Writable(parsed.GetValue(_plot)),
        };
    }

    // Before anything is measured, not after.
    private static string? Writable(string? file)
    {
        if (file is null) return null;
        string? folder = Path.GetDirectoryName(Path.GetFullPath(file));
        if (Directory.Exists(file)) throw new BenchException($"'{file}' is a folder. Name a file.");
        if (folder is not null && !Directory.Exists(folder)) throw new BenchException($"'{file}' cannot be written: there is no folder '{folder}'. Create it.");
        return file;
    }
}

/// <summary>One run of a verb: measures, tells how far it is, and writes what was found.</summary>
internal sealed class BenchRun(ParseResult parsed, CancellationToken cancellation)
{
    private readonly DateTimeOffset _started = DateTimeOffset.UtcNow;
    private RaceBudget? _budget;
    private int _case, _cases;

    public required int Repeat { get; init; }

    public required int Seconds { get; init; }

    public required int Threads { get; init; }

    public required int BufferMegabytes { get; init; }

    public required ThreadPlacement Placement { get; init; }

    public required string? JsonFile { get; init; }

    public required string? PlotFile { get; init; }

    public MachineInfo Machine { get; } = MachineInfo.Read();

    public long BufferBytes => BufferMegabytes > 0 ? (long)BufferMegabytes << 20 : ReadBuffer.DefaultBytes(Machine);

    /// <summary>Says how many cases there will be, so that the time can be divided among them.</summary>
    public void Expect(int cases)
    {
        _cases = cases;
        _budget = new RaceBudget(Repeat, TimeSpan.FromSeconds(Seconds), cases);
    }

    /// <summary>Measures one case.</summary>
    public RaceTimes Measure(string name, IReadOnlyList<Contender> contenders)
    {
        if (_budget is null) throw new InvalidOperationException("Expect comes first.");
        parsed.InvocationConfiguration.Error.WriteLine($"[{++_case}/{_cases}] {name}");
        return Race.Run(contenders, _budget, cancellation);
    }

    /// <summary>Writes the table, and the files that were asked for.</summary>
    /// <param name="rows">What was measured.</param>
    /// <param name="columns">Of the table.</param>
    /// <param name="plot">Called only if a plot was asked for.</param>
    /// <param name="notes">Sentences below the table.</param>
    public int Finish(IReadOnlyList<BenchRow> rows, IReadOnlyList<Column> columns, Func<IReadOnlyList<BenchRow>, SvgPlot> plot, params IReadOnlyList<string> notes)
    {
        var report = new BenchReport
        {
            Verb = parsed.CommandResult.Command.Name,
            Command = CommandLine(parsed),
            Version = typeof(EngineOptions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
            Started = _started,
            Machine = Machine,
            Threads = Threads,
            Notes = notes,
            Rows = rows,
        };
        TextWriter output = parsed.InvocationConfiguration.Output;
        ReportTable.Write(report, columns, output, Console.IsOutputRedirected ? null : Console.WindowWidth);
        if (JsonFile is not null) File.WriteAllText(JsonFile, report.ToJson());
        if (PlotFile is not null) File.WriteAllText(PlotFile, plot(rows).ToSvg());
        return 0;
    }

    /// <summary>What one would type to run this again.</summary>
    private static string CommandLine(ParseResult parsed)
    {
        IEnumerable<string> tokens = parsed.Tokens.Select(token => token.Value).SkipWhile(token => token != BenchCommand.Name).Skip(1);
        return string.Join(' ', ["coppice", BenchCommand.Name, .. tokens.Select(token => token.AsSpan().ContainsAny(" ;'\"") ? $"\"{token}\"" : token)]);
    }
}
