namespace Coppice.Kernels;

/// <summary>
/// Where the kernels of 8-bit products find things. A block of weights is {[inputs / 4][64][4] bytes, [64] scales}, four consecutive inputs of
/// an output in one lane; a record of activations, of 16 rows, is {[16][inputs] signed bytes, [16] scales, [16] ints}.
/// </summary>
/// <param name="BlockInputs">32, or 16: inputs that share a scale.</param>
internal readonly record struct Q8Layout(int BlockInputs)
{
    public const int QuadBytes = LinearWeights.PanelOutputs * 4, TileRows = 16;

    public static Q8Layout Blocks32 => new(32);

    public static Q8Layout Blocks16 => new(16);

    public int Quads => BlockInputs / 4;

    public int WeightScalesAt => BlockInputs * LinearWeights.PanelOutputs;

    public int WeightBlockBytes => WeightScalesAt + LinearWeights.PanelOutputs * sizeof(float);

    public int ScalesAt => TileRows * BlockInputs;

    public int CorrectionsAt => ScalesAt + TileRows * sizeof(float);

    public int RecordBytes => CorrectionsAt + TileRows * sizeof(int);

    public int BlocksOf(int inputs) => (inputs + BlockInputs - 1) / BlockInputs;
}
