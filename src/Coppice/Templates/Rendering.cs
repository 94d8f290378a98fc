using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;

namespace Coppice.Templates;

/// <summary>One rendering: where it is in the template, what it made so far, and what it may still take.</summary>
internal sealed class Rendering(ChatTemplateLimits limits, DateTimeOffset now, CancellationToken cancellation)
{
    private const int StepsPerClockLook = 1 << 14;
    private const int CharactersPerStep = 4, StepsPerItem = 4;   // what a step pays for: some 16 bytes
    private const int CharactersPerLook = 256;                   // compared in the time of a step

    private readonly long _started = Stopwatch.GetTimestamp();
    private long _steps, _nextClockLook = StepsPerClockLook;
    private int _depth;

    /// <summary>The time for strftime_now.</summary>
    public DateTimeOffset Now => now;

    /// <summary>The line of what is evaluated.</summary>
    public int Line { get; set; } = 1;

    public ChatTemplateException Fail(string message) => new(Line, message);

    public ChatTemplateException OverLimit(string message) => new(Line, message) { IsOverLimit = true };

    public void Step() => Work(1);

    /// <summary>Accounts for a text that is made or gone through.</summary>
    public void Characters(long count)
    {
        if (count > limits.OutputCharacters) throw OverLimit($"A text gets longer than {limits.OutputCharacters} characters ({nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.OutputCharacters)}).");
        Work(1 + count / CharactersPerStep);
    }

    /// <summary>Accounts for a text that another one is looked for in, at worst at every place anew.</summary>
    public void Search(string text, string part)
    {
        Characters(text.Length);
        Work((long)text.Length * part.Length / CharactersPerLook);
    }

    /// <summary>Accounts for a list that is made or gone through.</summary>
    public void Items(long count) => Work(1 + (count > long.MaxValue / StepsPerItem ? long.MaxValue / 2 : count * StepsPerItem));

    /// <summary>Accounts for so many steps.</summary>
    public void Work(long count)
    {
        _steps += count;
        if (_steps > limits.Steps || _steps < 0) throw OverLimit($"It takes more than {limits.Steps} steps ({nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.Steps)}).");
        if (_steps < _nextClockLook) return;
        _nextClockLook = _steps + StepsPerClockLook;
        cancellation.ThrowIfCancellationRequested();
        if (Stopwatch.GetElapsedTime(_started) > limits.Time) throw OverLimit($"It takes longer than {limits.Time.TotalSeconds} s ({nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.Time)}).");
    }

    /// <summary>Goes one level deeper; <see cref="Leave"/> comes back. An error ends the rendering, so there is no coming back from it.</summary>
    public void Enter()
    {
        if (++_depth > limits.Depth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw OverLimit($"It nests deeper than {_depth - 1} levels ({nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.Depth)} is {limits.Depth}).");
    }

    /// <inheritdoc cref="Enter"/>
    public void Leave() => _depth--;

    public void Append(StringBuilder output, string text)
    {
        Characters(text.Length);
        if (output.Length + (long)text.Length > limits.OutputCharacters)
            throw OverLimit($"The prompt gets longer than {limits.OutputCharacters} characters ({nameof(ChatTemplateLimits)}.{nameof(ChatTemplateLimits.OutputCharacters)}).");
        output.Append(text);
    }
}
