using System.Text;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Server.Batches;

/// <summary>
/// Remembers which lines were being answered when the process died, so that a line that kills it does not do so for ever. Lines in
/// flight at an end that was not orderly are suspects, and whoever runs lines runs each suspect alone. A suspect that was alone at a
/// second such end is condemned: it gets an error instead of a third try. So no line is condemned but one that ran both times,
/// and of several lines in flight none for another's sake.
/// </summary>
/// <remarks>
/// The file has one record a line: "begin ID" before a line runs, "pause ID" when it stops unfinished, "end ID" when its result stands,
/// "stop" when an orderly end begins; "suspect ID" and "crashed ID" are what earlier processes left, and "boot" names the machine's start.
/// Records are handed to the system and not to the disk: the death of the process does not take them, and that of the machine, which may,
/// is no line's fault.
/// </remarks>
internal sealed class LineJournal : IDisposable
{
    private const string Boot = "boot", Begun = "begin", Paused = "pause", Ended = "end", Stopped = "stop", Suspect = "suspect", Crashed = "crashed";

    private const int CompactBytes = 1 << 20;

    // Far more than the longest ids of the largest batch take.
    private const int MostBytes = 1 << 26;

    private readonly Lock _lock = new();
    private readonly string? _path;
    private readonly HashSet<string> _running = new(StringComparer.Ordinal), _suspects = new(StringComparer.Ordinal), _condemned = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _cleared = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private FileStream? _file;
    private long _bytes, _compactAt = CompactBytes;
    private bool _stopping;

    /// <summary>Reads what an earlier process left. Nothing is written before a line begins.</summary>
    /// <param name="path">The file. Null: nothing is remembered.</param>
    /// <exception cref="ModelFormatException">It is no regular file, has more bytes than any journal, or cannot be read.</exception>
    public LineJournal(string? path)
    {
        _path = path;
        if (path is not null && Path.Exists(path)) Replay(path);
        NoteCleared();
    }

    /// <summary>Whether a line runs alone, because it was in flight when the process died.</summary>
    public bool IsSuspect(string id)
    {
        lock (_lock) return _suspects.Contains(id);
    }

    /// <summary>Whether a line killed the process twice, as far as can be known, and is not to run.</summary>
    public bool IsCondemned(string id)
    {
        lock (_lock) return _condemned.Contains(id);
    }

    /// <summary>Ids of lines that an earlier process left as suspects or condemned, and that have not ended since.</summary>
    public IReadOnlyList<string> Left
    {
        get
        {
            lock (_lock) return [.. _suspects, .. _condemned];
        }
    }

    /// <summary>Completes when no suspect is left: until then no other line may run.</summary>
    public Task Cleared => _cleared.Task;

    /// <summary>A line is about to run. When this returns, a crash is remembered as one of this line, too.</summary>
    /// <exception cref="IOException">The record cannot be written; the line must not run.</exception>
    public void Begin(string id)
    {
        lock (_lock)
        {
            if (!_running.Add(id) || _path is null || _stopping) return;
            try
            {
                if (_file is null || _bytes > _compactAt) Rewrite();        // the running lines are among what it writes
                else Append(Begun, id);
            }
            catch
            {
                _running.Remove(id);
                throw;
            }
        }
    }

    /// <summary>A line stopped without a result, and did no harm.</summary>
    public void Pause(string id)
    {
        lock (_lock)
        {
            if (_running.Remove(id)) TryAppend(Paused, id);
        }
    }

    /// <summary>A line has its result, or will never have one.</summary>
    public void End(string id)
    {
        lock (_lock)
        {
            if (!(_running.Remove(id) | _suspects.Remove(id) | _condemned.Remove(id))) return;
            TryAppend(Ended, id);
            NoteCleared();
        }
    }

    /// <summary>The process is asked to end: what happens to it from now on is no line's fault.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            if (_stopping) return;
            _stopping = true;
            TryAppend(Stopped, "");
        }
    }

    /// <summary>Closes it; if no line is suspect or condemned, the file is gone.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_path is null) return;
            _stopping = true;
            _running.Clear();
            try
            {
                if (_suspects.Count + _condemned.Count > 0) Rewrite();
                _file?.Dispose();
                if (_suspects.Count + _condemned.Count == 0) File.Delete(_path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // What stands in the file says the same in more records.
            }

            _file?.Dispose();
        }
    }

    private void Replay(string path)
    {
        string boot = "";
        using StreamReader records = new(new MemoryStream(SmallFile.Read(path, MostBytes)));
        while (records.ReadLine() is string record)
        {
            int space = record.IndexOf(' ', StringComparison.Ordinal);
            string id = space < 0 ? "" : Unescaped(record[(space + 1)..]);
            switch (space < 0 ? record : record[..space])
            {
                case Boot: boot = id; break;
                case Begun: _running.Add(id); break;
                case Paused: _running.Remove(id); break;
                case Stopped: _running.Clear(); break;
                case Suspect: _suspects.Add(id); break;
                case Crashed: _condemned.Add(id); break;
                case Ended:
                    _running.Remove(id);
                    _suspects.Remove(id);
                    _condemned.Remove(id);
                    break;
            }
        }

        if (boot == MachineStart())
        {
            if (_running.Count == 1 && _suspects.Remove(_running.First())) _condemned.Add(_running.First());
            else _suspects.UnionWith(_running);
        }

        _running.Clear();
    }

    /// <summary>Puts a file with the state as it is now in the place of the old one.</summary>
    private void Rewrite()
    {
        StringBuilder state = new();
        void Write(string record, IEnumerable<string> ids)
        {
            foreach (string id in ids) state.Append(Record(record, id));
        }

        Write(Boot, [MachineStart()]);
        Write(Crashed, _condemned);
        Write(Suspect, _suspects);
        Write(Begun, _stopping ? [] : _running);
        byte[] bytes = Encoding.UTF8.GetBytes(state.ToString());
        string unfinished = _path + ".new";
        FileStream next = new(unfinished, FileMode.Create, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            next.Write(bytes);
            File.Move(unfinished, _path!, overwrite: true);
        }
        catch
        {
            next.Dispose();
            File.Delete(unfinished);
            throw;
        }

        _file?.Dispose();
        (_file, _bytes, _compactAt) = (next, bytes.Length, CompactBytes + 2L * bytes.Length);
    }

    private void Append(string record, string id)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(Record(record, id));
        try
        {
            _file!.Write(bytes);
            _bytes += bytes.Length;
        }
        catch (IOException)
        {
            _file!.SetLength(_bytes);       // no half of a record
            _file.Position = _bytes;
            throw;
        }
    }

    // A record that clears a line may be missing: the line has its result, or is tried alone without need.
    private void TryAppend(string record, string id)
    {
        if (_file is null) return;
        try
        {
            Append(record, id);
        }
        catch (IOException)
        {
        }
    }

    private void NoteCleared()
    {
        if (_suspects.Count == 0) _cleared.TrySetResult();
    }

    private static string Record(string record, string id) => id.Length == 0 ? $"{record}\n" : $"{record} {JsonEncodedText.Encode(id)}\n";

    private static string Unescaped(string id)
    {
        try
        {
            using JsonDocument text = JsonDocument.Parse($"\"{id}\"");
            return text.RootElement.GetString()!;
        }
        catch (JsonException)
        {
            return id;      // no record of ours: it names no line
        }
    }

    // The same until the machine is started again; where the system does not say, every end counts as the process's own.
    private static string MachineStart()
    {
        const string BootId = "/proc/sys/kernel/random/boot_id";
        return File.Exists(BootId) ? File.ReadAllText(BootId).Trim() : "";
    }
}
