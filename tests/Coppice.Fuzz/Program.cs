using System.CommandLine;
using System.Text.Json;
using Coppice.Fuzz;
using Coppice.Fuzz.Running;

Coverage.Install();
Argument<string[]> names = new("targets") { Description = "Targets by name, or all", Arity = ArgumentArity.OneOrMore };
names.AcceptOnlyFromAmong(["all", .. FuzzTargets.All.Select(target => target.Name)]);
Option<int> seed = new("--seed") { Description = "Of what is drawn", DefaultValueFactory = _ => 1 };
Option<double> seconds = new("--seconds") { Description = "Longest time of a target", DefaultValueFactory = _ => 60 };
Option<long> inputs = new("--inputs") { Description = "Most inputs of a target", DefaultValueFactory = _ => long.MaxValue };
Option<int> jobs = new("--jobs") { Description = "Targets that run side by side", DefaultValueFactory = _ => 2 };
Option<string> folder = new("--findings") { Description = "The folder for findings", DefaultValueFactory = _ => "fuzz-findings" };
Command run = new("run", "Fuzzes targets, and exits with 1 if something was found") { names, seed, seconds, inputs, jobs, folder };
run.SetAction(async parsed =>
{
    string[] named = parsed.GetRequiredValue(names);
    FuzzTarget[] chosen = named is ["all"] ? [.. FuzzTargets.All] : [.. named.Select(FuzzTargets.Named)];
    // With a number of inputs and no time, the number decides.
    TimeSpan time = parsed.GetResult(inputs) is { Implicit: false } && parsed.GetResult(seconds) is null or { Implicit: true } ? TimeSpan.FromDays(1) : TimeSpan.FromSeconds(parsed.GetValue(seconds));
    FuzzPlan plan = new(parsed.GetValue(seed), parsed.GetValue(inputs), time, parsed.GetValue(jobs), Path.GetFullPath(parsed.GetRequiredValue(folder)));
    return await FuzzRun.RunAsync(chosen, plan, Console.Out) ? 0 : 1;
});

Argument<string> target = new("target") { Description = "A target's name" }, file = new("file") { Description = "An input" };
target.AcceptOnlyFromAmong([.. FuzzTargets.All.Select(one => one.Name)]);
Command replay = new("replay", "Runs one input, in this process") { target, file };
replay.SetAction(parsed =>
{
    Finding? finding = null;
    DirectoryInfo scratch = Directory.CreateTempSubdirectory("coppice-fuzz-");
    try
    {
        FuzzTarget one = FuzzTargets.Named(parsed.GetRequiredValue(target));
        Worker.OnSmallStack(() => finding = new Judge(one, one.Open(scratch.FullName)).Run(File.ReadAllBytes(parsed.GetRequiredValue(file))));
    }
    finally
    {
        scratch.Delete(recursive: true);
    }
    Console.WriteLine(finding?.Message ?? "Nothing is found.");
    return finding is null ? 0 : 1;
});

Command list = new("list", "Names the targets");
list.SetAction(_ =>
{
    foreach (FuzzTarget one in FuzzTargets.All) Console.WriteLine($"{one.Name,-16}{one.Reads}");
});

// What run starts: a process for each target.
Argument<int> ownSeed = new("seed");
Argument<long> mostInputs = new("inputs");
Argument<int> mostSeconds = new("seconds");
Argument<string> current = new("current"), findings = new("findings");
Command work = new("work") { target, ownSeed, mostInputs, mostSeconds, current, findings };
work.Hidden = true;
work.SetAction(parsed =>
{
    FuzzTarget one = FuzzTargets.Named(parsed.GetRequiredValue(target));
    FuzzTally tally = Worker.Run(one, parsed.GetValue(ownSeed), parsed.GetValue(mostInputs), TimeSpan.FromSeconds(parsed.GetValue(mostSeconds)), parsed.GetRequiredValue(current), new FindingFolder(parsed.GetRequiredValue(findings), one.Name));
    Console.WriteLine(JsonSerializer.Serialize(tally));
});

return await new RootCommand("Fuzzes the readers of foreign bytes. docs/fuzzing.md says how.") { run, replay, list, work }.Parse(args).InvokeAsync();
