namespace Coppice.Cli;

/// <summary>What the process returns. The help of <c>coppice run</c> lists them.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>Some lines failed; the others have their results.</summary>
    public const int SomeFailed = 1;

    /// <summary>The command line, a file or the model cannot be used.</summary>
    public const int Usage = 2;

    /// <summary>128 + SIGINT, as shells report it.</summary>
    public const int Interrupted = 130;

    /// <summary>128 + SIGPIPE: whoever read the results stopped reading.</summary>
    public const int BrokenPipe = 141;
}

/// <summary>The command cannot do what was asked; the message is the one line that the user sees.</summary>
internal sealed class UsageException(string message) : Exception(message);
