using Coppice.Server.Access;

namespace Coppice.Server.Serving;

/// <summary>Makes requests that were let in ready for the engine. What takes no time is done at once; the rest waits for its turn on threads of its own.</summary>
internal sealed class Preparation(ServedModel model, ServerLimits limits, PreparationQueue queue, ConstraintStore constraints)
{
    /// <summary>Bytes of text that become tokens at once, in some milliseconds.</summary>
    private const int QuickBytes = 1 << 15;

    /// <exception cref="Wire.ApiException">The prompts do not fit, the constraint cannot be kept to, or the caller has as much waiting as it may.</exception>
    public async Task<Generation> PrepareAsync(GenerationRequest request, Caller caller, Urgency urgency, CancellationToken cancellation)
    {
        request.Body.Chat.Cancellation = cancellation;
        Generation generation = await EncodeAsync(request.Length, () => Generation.Of(request, model, limits), caller, urgency, cancellation);
        if (generation.Form is not { } form) return generation;
        OutputConstraint constraint = await constraints.GetAsync(form, caller, urgency, cancellation);
        return generation with { Options = generation.Options with { Constraint = constraint }, Warnings = form.Warnings(constraint) };
    }

    /// <summary>Turns texts into tokens.</summary>
    /// <param name="bytes">Their length, about.</param>
    /// <param name="encode">What does it.</param>
    /// <param name="caller">Whose they are.</param>
    /// <param name="urgency">Who waits.</param>
    /// <param name="cancellation">Nobody waits any more.</param>
    public Task<T> EncodeAsync<T>(long bytes, Func<T> encode, Caller caller, Urgency urgency, CancellationToken cancellation) =>
        bytes <= QuickBytes ? Task.FromResult(encode()) : queue.RunAsync(caller, urgency, _ => encode(), cancellation);
}
