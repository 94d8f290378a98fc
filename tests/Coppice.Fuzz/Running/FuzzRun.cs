using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Coppice.Fuzz.Running;

/// <summary>What a run is to do.</summary>
/// <param name="Seed">Of what is drawn.</param>
/// <param name="Inputs">Most inputs of a target.</param>
/// <param name="Time">Longest time of a target.</param>
/// <param name="Jobs">Targets that run side by side.</param>
/// <param name="Findings">The folder for findings.</param>
internal sealed record FuzzPlan(int Seed, long Inputs, TimeSpan Time, int Jobs, string Findings);

/// <summary>Runs targets, each in a process of its own, which is started again where an input kills it.</summary>
internal static class FuzzRun
{
    private const int MostDeaths = 5;

    private sealed record Row(string Target, long Inputs, double Seconds, FuzzTally Last, int Findings);

    /// <summary>Whether nothing was found.</summary>
    public static async Task<bool> RunAsync(IReadOnlyList<FuzzTarget> targets, FuzzPlan plan, TextWriter output)
    {
        DirectoryInfo scratch = Directory.CreateTempSubdirectory("coppice-fuzz-");
        try
        {
            string program = Instrumented.Copy(Path.Combine(scratch.FullName, "program"));
            Row[] rows = new Row[targets.Count];
            await Parallel.ForAsync(0, targets.Count, new ParallelOptions { MaxDegreeOfParallelism = plan.Jobs }, async (i, _) =>
            {
                rows[i] = await TargetAsync(program, targets[i], plan, scratch.FullName);
                await output.WriteLineAsync($"{targets[i].Name}: {rows[i].Inputs} inputs, {rows[i].Findings} findings");
            });
            Write(rows, output);
            return rows.All(row => row.Findings == 0);
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }

    private static async Task<Row> TargetAsync(string program, FuzzTarget target, FuzzPlan plan, string scratch)
    {
        FindingFolder findings = new(plan.Findings, target.Name);
        string current = Path.Combine(scratch, $"{target.Name}.input");
        long start = Stopwatch.GetTimestamp(), inputs = 0;
        FuzzTally? tally = null;
        for (int deaths = 0; deaths < MostDeaths && inputs < plan.Inputs && Stopwatch.GetElapsedTime(start) < plan.Time; deaths++)
        {
            File.Delete(current);
            int seconds = (int)Math.Ceiling((plan.Time - Stopwatch.GetElapsedTime(start)).TotalSeconds);
            // Another seed after a death, or the same input would come again.
            (int code, string said, string errors) = await WorkAsync(program, [target.Name, plan.Seed + deaths, plan.Inputs - inputs, seconds, current, plan.Findings]);
            if (code == 0)
            {
                tally = JsonSerializer.Deserialize<FuzzTally>(said)!;
                inputs += tally.Inputs;
                break;
            }
            if (!File.Exists(current)) throw new InvalidOperationException($"{target.Name} did not start: {errors}");
            (long begun, byte[] input) = CurrentInput.Read(current);
            inputs += begun;
            findings.Add(input, code == Worker.Hangs ? new Finding("hang", "It does not end.") : new Finding("death", $"The process died, with exit code {code}.\n{Beginning(errors)}"));
        }
        return new Row(target.Name, inputs, Stopwatch.GetElapsedTime(start).TotalSeconds, tally ?? new FuzzTally(0, 0, 0, 0), findings.Count);
    }

    private static async Task<(int Code, string Output, string Errors)> WorkAsync(string program, object[] arguments)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!, [program, "work", .. arguments.Select(argument => Convert.ToString(argument, CultureInfo.InvariantCulture)!)]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        // An input that takes all memory shall not take the machine's.
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x80000000";
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }

    private static string Beginning(string text) => text.Length <= 4000 ? text : text[..4000];

    private static void Write(Row[] rows, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine($"{"target",-16}{"inputs",12}{"inputs/s",10}{"accepted",10}{"corpus",8}{"edges",8}{"findings",10}");
        foreach (Row row in rows)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Target,-16}{row.Inputs,12}{row.Inputs / row.Seconds,10:0}{row.Last.Accepted,10}{row.Last.Corpus,8}{row.Last.Edges,8}{row.Findings,10}"));
    }
}
