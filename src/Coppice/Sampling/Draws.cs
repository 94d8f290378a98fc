using Coppice.Backends;
using Coppice.Memory;

namespace Coppice.Sampling;

/// <summary>
/// The draws of a step, made on all threads: a draw depends on its logits and its sample's state alone, and a vocabulary of 100,000 words
/// costs a row some tenths of a millisecond. Samples under a constraint are drawn one after another, since they may share its automaton.
/// </summary>
internal sealed class Draws
{
    private readonly IBackend _backend;
    private readonly Sampler[] _samplers;
    private readonly Drawing[] _drawings;

    /// <param name="backend">Its threads draw.</param>
    /// <param name="vocabularySize">V.</param>
    /// <param name="most">Draws of a step.</param>
    public Draws(IBackend backend, int vocabularySize, int most)
    {
        _backend = backend;
        _samplers = new Sampler[backend.Threads];
        for (int i = 0; i < _samplers.Length; i++) _samplers[i] = new Sampler(vocabularySize);
        _drawings = new Drawing[most];
    }

    public int Count { get; private set; }

    public ref readonly Drawing this[int i] => ref _drawings.AsSpan(0, Count)[i];

    /// <summary>For one row after another, on the calling thread.</summary>
    public Sampler Sampler => _samplers[0];

    public void Clear() => Count = 0;

    /// <summary>A sample draws from a row of the step's logits. Several may draw from one.</summary>
    /// <param name="state">The sample.</param>
    /// <param name="row">Of the logits.</param>
    /// <param name="alternatives">Log probabilities to report beside the drawn token's; null: not even that.</param>
    public void Add(SamplingState state, int row, int? alternatives) => _drawings[Count++] = new Drawing { State = state, Row = row, Alternatives = alternatives };

    /// <summary>Draws all, and adds each token to its state. What cannot be drawn has an error in place of a token.</summary>
    public void Run(Matrix logits)
    {
        _backend.Run(new Rows(this, logits), Count);
        for (int i = 0; i < Count; i++)
            if (_drawings[i].State.Constraint is not null) Draw(ref _drawings[i], logits, _samplers[0]);
    }

    private static void Draw(ref Drawing drawing, Matrix logits, Sampler sampler)
    {
        ReadOnlySpan<float> row = logits.Row(drawing.Row);
        try
        {
            if (drawing.Alternatives is int alternatives)
            {
                TokenLogProb[] top = new TokenLogProb[Math.Min(alternatives, row.Length)];
                drawing.Token = sampler.Sample(row, drawing.State, top, out float logProb);
                drawing.Chosen = new ChosenLogProb(drawing.Token, logProb, top);
            }
            else
            {
                drawing.Token = sampler.Sample(row, drawing.State);
            }
        }
        catch (Exception error) when (error is LogitsException or InvalidRequestException)
        {
            drawing.Error = error;
        }
    }

    /// <summary>One draw, and what came of it.</summary>
    public struct Drawing
    {
        public required SamplingState State;
        public required int Row;
        public required int? Alternatives;
        public int Token;
        public ChosenLogProb? Chosen;
        public Exception? Error;
    }

    private readonly struct Rows(Draws draws, Matrix logits) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            ref Drawing drawing = ref draws._drawings[item];
            if (drawing.State.Constraint is null) Draw(ref drawing, logits, draws._samplers[worker]);
        }
    }
}
