using Coppice.Server.Batches;

namespace Coppice.Cli.BatchFiles;

/// <summary>The file a command reads and the one it writes, and what becomes of results that are there.</summary>
internal sealed record ResultsTarget(string Input, string? Output, bool Resume, bool Overwrite)
{
    public bool ReadsStandardInput => Input == "-";

    /// <summary>The file that results go to; null for standard output.</summary>
    public string? OutputFile => Output is "-" ? null : Output;

    /// <summary>Whether progress is drawn: not over results that appear on the same terminal, which are progress enough.</summary>
    public bool LeavesRoomForProgress(Streams streams) => OutputFile is not null || !streams.OutIsTerminal || !streams.ErrorIsTerminal;

    /// <summary>What an interrupted run says last, behind a space.</summary>
    public string HowToGoOn => $" The same command with --resume {(Overwrite ? "in place of --overwrite " : "")}goes on.";

    // What can be refused is refused before the model is read, which may take long.
    public void Check()
    {
        if (Resume && Overwrite) throw new UsageException("--resume keeps what a file holds and --overwrite drops it; give one of them.");
        if (OutputFile is null)
        {
            if (Resume) throw new UsageException("--resume needs -o: it finishes a file of results.");
            if (Overwrite) throw new UsageException("--overwrite needs -o: it replaces a file of results.");
            return;
        }
        if (!ReadsStandardInput && Path.GetFullPath(Input) == Path.GetFullPath(OutputFile))
            throw new UsageException($"-o names the input, {Input}; results need a file of their own.");
        if (Directory.Exists(OutputFile)) throw new UsageException($"{OutputFile} is a folder; -o names a file.");
        if (Path.GetDirectoryName(Path.GetFullPath(OutputFile)) is string folder && !Directory.Exists(folder))
            throw new UsageException($"There is no folder {folder} for {OutputFile}; make it, or name another file with -o.");
        if (!Resume && !Overwrite) ResultLog.RefuseFull(OutputFile);
    }

    public async Task<List<BatchLine>> ReadAsync(LineParser parser, Streams streams, CancellationToken cancellation)
    {
        if (ReadsStandardInput) return await BatchFile.ReadAsync(streams.In, parser, cancellation);
        if (Directory.Exists(Input)) throw new UsageException($"{Input} is a folder; it must be a file of lines.");
        await using FileStream file = new(Input, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0, useAsync: true);
        return await BatchFile.ReadAsync(file, parser, cancellation);
    }

    /// <summary>The lines that an earlier run was at when it died, where results are kept in a file.</summary>
    /// <exception cref="UsageException">What lies in its place is no journal.</exception>
    /// <exception cref="IOException">One that is out of date cannot be removed.</exception>
    public LineJournal OpenJournal(ResultLog log)
    {
        if (!Resume && log.Journal is string old) File.Delete(old);
        try
        {
            return new LineJournal(log.Journal);
        }
        catch (ModelFormatException e)
        {
            throw new UsageException($"{e.Message} It is no note of lines that an earlier run was at: move it away and run the same command again.");
        }
    }

    /// <summary>Opens the log. Lines that have a result are taken out of <paramref name="lines"/>.</summary>
    /// <param name="lines">All lines of the input; those left when it returns.</param>
    /// <param name="finished">Told of each result that an earlier run left.</param>
    public async Task<ResultLog> OpenAsync(List<BatchLine> lines, Action<BatchLine, FinishedResult> finished, CancellationToken cancellation)
    {
        if (OutputFile is null) throw new InvalidOperationException("Standard output is no file.");
        if (Overwrite) return ResultLog.Overwrite(OutputFile);
        if (!Resume) return ResultLog.Create(OutputFile);
        Dictionary<string, BatchLine> open = lines.ToDictionary(line => line.CustomId, StringComparer.Ordinal);
        ResultLog log = await ResultLog.ResumeAsync(OutputFile, result =>
        {
            if (!open.Remove(result.CustomId, out BatchLine? line))
            {
                throw new UsageException($"{OutputFile} has a result for '{JsonField.Shortened(result.CustomId)}' that {Input} does not ask for (or asks for once). " +
                    "Is it the output of another file? It was left as it was.");
            }
            finished(line, result);
        }, cancellation);
        lines.RemoveAll(line => !open.ContainsKey(line.CustomId));
        return log;
    }
}
