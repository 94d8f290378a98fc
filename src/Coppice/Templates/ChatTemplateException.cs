namespace Coppice;

/// <summary>
/// A chat template cannot be read, or it stopped while a conversation was put through it: it is malformed, it complains about the conversation
/// (raise_exception), it uses what a template may not use, or it needs more steps, text, depth or time than it is given.
/// </summary>
public sealed class ChatTemplateException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="line">The template's line, from 1.</param>
    /// <param name="message">What is wrong.</param>
    /// <param name="inner">The error underneath, if there is one.</param>
    public ChatTemplateException(int line, string message, Exception? inner = null) : base($"Chat template, line {line}: {message}", inner)
    {
        Line = line;
        Reason = message;
    }

    /// <summary>Whether the rendering took more than it may.</summary>
    internal bool IsOverLimit { get; init; }

    /// <summary>The template's line, from 1.</summary>
    public int Line { get; }

    /// <summary>The message without the place.</summary>
    public string Reason { get; }
}
