using Coppice.Server.Batches;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Server;

public sealed class LineJournalTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Path => _folder.File("lines.begun");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("device")]
    [InlineData("loop")]
    [InlineData("pipe")]
    [InlineData("sparse")]
    [InlineData("folder")]
    public async Task What_is_no_journal_is_put_aside_and_the_server_starts(string kind)
    {
        if (!OperatingSystem.IsLinux()) return;
        string begun = _folder.File("begun");
        await Obstacle.MakeAsync(begun, kind);
        using ServerProcess server = await ServerProcess.Start(["--data", _folder.Path]).ListeningAsync();
        Assert.Single(server.Log.Split('\n'), line => line.Contains($"{begun} was left out: ", StringComparison.Ordinal) && line.Contains($"{begun}.corrupt", StringComparison.Ordinal));
        Assert.Equal(["begun.corrupt"], Directory.GetFileSystemEntries(_folder.Path, "begun*").Select(path => System.IO.Path.GetFileName(path)!));
    }

    [Fact]
    public void What_was_in_flight_at_a_crash_is_suspect_and_what_had_ended_is_not()
    {
        LineJournal before = new(Path);
        foreach (string id in (string[])["ended", "paused", "a", "b"]) before.Begin(id);
        before.End("ended");
        before.Pause("paused");
        using LineJournal after = AfterCrash();
        Assert.Equal(["a", "b"], after.Left.Order());
        Assert.True(after.IsSuspect("a") && after.IsSuspect("b"));
        Assert.False(after.IsCondemned("a") || after.IsSuspect("ended") || after.IsSuspect("paused"));
        Assert.False(after.Cleared.IsCompleted);
    }

    [Fact]
    public void A_suspect_that_is_alone_at_a_second_crash_is_condemned_and_the_others_are_not()
    {
        LineJournal first = new(Path);
        first.Begin("innocent");
        first.Begin("killer");
        LineJournal second = AfterCrash();
        second.Begin("innocent");
        second.End("innocent");
        second.Begin("killer");
        using LineJournal third = AfterCrash();
        Assert.True(third.IsCondemned("killer"));
        Assert.False(third.IsSuspect("killer") || third.IsSuspect("innocent"));
        Assert.True(third.Cleared.IsCompleted);
        third.End("killer");
        Assert.Empty(third.Left);
    }

    [Fact]
    public void Lines_in_flight_together_at_two_crashes_are_not_condemned_for_one_another()
    {
        new LineJournal(Path).Begin("a");
        LineJournal second = AfterCrash();
        second.Begin("a");
        second.Begin("b");
        using LineJournal third = AfterCrash();
        Assert.True(third.IsSuspect("a") && third.IsSuspect("b"));
        Assert.False(third.IsCondemned("a"));
    }

    [Fact]
    public void A_line_that_is_condemned_stays_so_until_its_error_is_written()
    {
        new LineJournal(Path).Begin("killer");
        AfterCrash().Begin("killer");
        AfterCrash().Begin("other");
        using LineJournal last = AfterCrash();
        Assert.True(last.IsCondemned("killer"));
        Assert.True(last.IsSuspect("other"));
    }

    [Fact]
    public void An_orderly_end_blames_nobody_whether_or_not_it_comes_to_its_end()
    {
        LineJournal before = new(Path);
        before.Begin("a");
        before.Stop();
        before.Begin("late");
        using (LineJournal after = AfterCrash()) Assert.Empty(after.Left);
        before.Dispose();
        Assert.False(File.Exists(Path));
    }

    [Fact]
    public void An_orderly_end_keeps_what_a_crash_before_it_left()
    {
        new LineJournal(Path).Begin("a");
        LineJournal second = AfterCrash();
        second.Begin("a");
        second.Stop();
        second.Dispose();
        using LineJournal third = new(Path);
        Assert.True(third.IsSuspect("a"));
        Assert.False(third.IsCondemned("a"));
    }

    [Fact]
    public void The_death_of_the_machine_is_no_lines_fault()
    {
        new LineJournal(Path).Begin("a");
        File.WriteAllText(Path, File.ReadAllText(Path).Replace("boot ", "boot another ", StringComparison.Ordinal));
        using LineJournal after = new(Path);
        Assert.Empty(after.Left);
    }

    [Theory]
    [InlineData("line\nbegin other")]
    [InlineData("\"\\ \u2028 é 😀")]
    public void Ids_are_kept_whatever_they_hold(string id)
    {
        new LineJournal(Path).Begin(id);
        using LineJournal after = AfterCrash();
        Assert.Equal([id], after.Left);
    }

    [Fact]
    public void What_is_torn_or_is_no_journal_names_no_line()
    {
        File.WriteAllText(Path, "\0\0\0\nbegin \"\nnonsense\nbegi");
        using LineJournal after = new(Path);
        Assert.DoesNotContain("nonsense", after.Left);
        Assert.False(after.IsCondemned("begi"));
    }

    [Fact]
    public void The_file_does_not_grow_with_the_lines_that_have_ended()
    {
        using LineJournal journal = new(Path);
        journal.Begin("running");
        for (int i = 0; i < 100_000; i++)
        {
            journal.Begin($"a line with a long name, number {i}");
            journal.End($"a line with a long name, number {i}");
        }

        Assert.InRange(new FileInfo(Path).Length, 1, 3 << 20);
        using LineJournal after = AfterCrash();
        Assert.Equal(["running"], after.Left);
    }

    private LineJournal AfterCrash()
    {
        string copy = _folder.File($"{Guid.NewGuid():N}.begun");
        File.Copy(Path, copy);
        File.Delete(Path);
        File.Move(copy, Path);      // as it stood when the process died: its handle writes to another file from now on
        return new LineJournal(Path);
    }
}
