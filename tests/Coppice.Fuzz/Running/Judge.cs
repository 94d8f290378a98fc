using System.Diagnostics;
using System.Globalization;

namespace Coppice.Fuzz.Running;

/// <summary>Why an input is a finding.</summary>
/// <param name="Key">The same for findings of one cause, most likely; a file's name.</param>
/// <param name="Message">For people.</param>
internal sealed record Finding(string Key, string Message);

/// <summary>
/// Runs a target on one input and tells whether what happened may happen. Processor time and memory are the whole process's: a reader may hand
/// its work to other threads, and nothing else runs.
/// </summary>
internal sealed class Judge(FuzzTarget target, Action<byte[]> read)
{
    /// <summary>Processor time that an input may take.</summary>
    public static readonly TimeSpan MostTime = TimeSpan.FromSeconds(2);

    private const long MostBytes = 256 << 20, MostBytesPerByte = 256;

    /// <summary>Inputs that were read and not refused.</summary>
    public long Accepted { get; private set; }

    /// <summary>Null: the input was read or refused, at a price that is allowed.</summary>
    public Finding? Run(byte[] input)
    {
        if (Once(input, out TimeSpan time, out long bytes) is { } thrown) return thrown;
        long mostBytes = MostBytes + (MostBytesPerByte * input.Length);
        if (time <= MostTime && bytes <= mostBytes) return null;
        // A second time, because the first one may have paid for what is made once.
        _ = Once(input, out TimeSpan again, out long bytesAgain);
        if (Min(time, again) > MostTime) return new Finding("time", string.Create(CultureInfo.InvariantCulture, $"It takes {Min(time, again).TotalSeconds:0.0} s of processor time; {MostTime.TotalSeconds:0} s are allowed."));
        return Math.Min(bytes, bytesAgain) > mostBytes ? new Finding("memory", $"It allocates {Math.Min(bytes, bytesAgain) >> 20} MiB; {mostBytes >> 20} MiB are allowed for {input.Length} bytes.") : null;
    }

    private Finding? Once(byte[] input, out TimeSpan time, out long bytes)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        long allocated = GC.GetTotalAllocatedBytes();
        Exception? thrown = null;
        try
        {
            read(input);
            Accepted++;
        }
        catch (Exception e)
        {
            thrown = e;
        }
        time = Environment.CpuUsage.TotalTime - before;
        bytes = GC.GetTotalAllocatedBytes() - allocated;
        return thrown is null || target.Refusals.Contains(thrown.GetType()) ? null : new Finding($"{thrown.GetType().Name}-{Place(thrown)}", thrown.ToString());
    }

    /// <summary>The innermost method of the project that it came through.</summary>
    private static string Place(Exception thrown)
    {
        foreach (StackFrame frame in new StackTrace(thrown).GetFrames())
        {
            if (frame.GetMethod() is { DeclaringType: { FullName: { } type } } method && type.StartsWith("Coppice.", StringComparison.Ordinal) && !type.StartsWith("Coppice.Fuzz.Running", StringComparison.Ordinal))
                return string.Concat($"{type}.{method.Name}".Where(c => char.IsAsciiLetterOrDigit(c) || c == '.'));
        }
        return "outside";
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
