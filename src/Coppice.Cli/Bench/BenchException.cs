namespace Coppice.Cli.Bench;

/// <summary>A benchmark that cannot be run as asked; the message is the one line that the user sees.</summary>
internal sealed class BenchException(string message) : Exception(message);
