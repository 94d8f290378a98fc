namespace Coppice;

/// <summary>A model file or one of its companions is not what its format says. The message names file, field, value and limit.</summary>
public sealed class ModelFormatException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="file">The file, as the user named it.</param>
    /// <param name="message">Field, value, limit and remedy.</param>
    /// <param name="inner">The error underneath, if there is one.</param>
    public ModelFormatException(string file, string message, Exception? inner = null) : base($"{file}: {message}", inner) => File = file;

    /// <summary>The file at fault.</summary>
    public string File { get; }
}

/// <summary>A prompt, or a prompt and what should follow it, is longer than the model or the cache can hold.</summary>
public sealed class ContextTooLongException(string message) : Exception(message);

/// <summary>A request asks for something that cannot be done. The message names the field, its value and the limit.</summary>
public sealed class InvalidRequestException(string message) : Exception(message);
