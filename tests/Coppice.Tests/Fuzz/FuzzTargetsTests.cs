using Coppice.Fuzz;
using Coppice.Fuzz.Running;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Fuzz;

/// <summary>The fuzzer's targets still run: on their seeds, and on a few changed inputs. Finding something takes the fuzzer itself; docs/fuzzing.md.</summary>
[Collection(Alone.Name)]   // time and memory are the process's
public sealed class FuzzTargetsTests
{
    private const int Inputs = 200;

    public static TheoryData<string> Names => [.. FuzzTargets.All.Select(target => target.Name)];

    [Theory, MemberData(nameof(Names))]
    public void A_target_finds_nothing_in_a_few_inputs(string name)
    {
        using TempFolder folder = new();
        List<string> findings = [];
        FuzzTally? tally = null;
        Worker.OnSmallStack(() => tally = new FuzzLoop(FuzzTargets.Named(name), seed: 1, _ => { }, (input, finding) => findings.Add($"{finding.Message}\n{Convert.ToBase64String(input)}")).Run(folder.Path, Inputs, TimeSpan.MaxValue));
        Assert.Empty(findings);
        Assert.Equal(Inputs, tally!.Inputs);
        // Else the seeds would not be what the target reads, or it would refuse nothing of what it may refuse.
        Assert.InRange(tally.Accepted, 1, FuzzTargets.Named(name).Refusals.Count == 0 ? Inputs : Inputs - 1);
    }

    [Fact]
    public void What_a_reader_may_not_throw_is_found_and_kept_once_for_each_cause()
    {
        using TempFolder folder = new();
        FindingFolder findings = new(folder.Path, "target");
        Judge judge = new(FuzzTargets.All[0] with { Refusals = [typeof(FormatException)] }, input => _ = input.Length switch
        {
            0 => 0,
            1 => throw new FormatException(),
            _ => throw new InvalidOperationException($"{input.Length}"),
        });
        Assert.Null(judge.Run([]));
        Assert.Null(judge.Run([1]));
        for (int length = 2; length < 10; length++) findings.Add(new byte[length], judge.Run(new byte[length])!);
        Assert.Equal(1, judge.Accepted);
        Assert.Equal(3, findings.Count);
    }

    [Fact]
    public void What_allocates_too_much_is_found()
    {
        Judge judge = new(FuzzTargets.All[0], _ => GC.KeepAlive(new byte[300 << 20]));
        Assert.Equal("memory", judge.Run([])?.Key);
    }
}
