using Coppice.Loading;

namespace Coppice.Kernels;

/// <summary>
/// Matrices of shape [outputs, inputs] with the same inputs, behind one another: queries, keys and values, or gate and up. Their outputs
/// follow one another, and one product computes them all.
/// </summary>
internal sealed class StackedTensors
{
    private readonly WeightTensor[] _tensors;

    /// <exception cref="ArgumentException">None given, not a matrix, empty, or the inputs differ.</exception>
    public StackedTensors(params WeightTensor[] tensors)
    {
        if (tensors.Length == 0) throw new ArgumentException("Nothing to pack.", nameof(tensors));
        long outputs = 0, inputs = tensors[0].Shape[^1];
        foreach (WeightTensor tensor in tensors)
        {
            if (tensor.Shape.Count != 2)
                throw new ArgumentException($"{tensor.Name} has {tensor.Shape.Count} dimensions; a linear layer's weight has 2: [outputs, inputs].", nameof(tensors));
            if (tensor.Shape[0] < 1 || tensor.Shape[1] < 1)
                throw new ArgumentException($"{tensor.Name} is [{tensor.Shape[0]}, {tensor.Shape[1]}]; both must be at least 1.", nameof(tensors));
            if (tensor.Shape[1] != inputs)
                throw new ArgumentException($"{tensor.Name} has {tensor.Shape[1]} inputs and {tensors[0].Name} has {inputs}; stacked weights share their inputs.", nameof(tensors));
            outputs += tensor.Shape[0];
        }
        _tensors = tensors;
        Inputs = checked((int)inputs);
        Outputs = checked((int)outputs);
    }

    public int Inputs { get; }

    /// <summary>Of all tensors together.</summary>
    public int Outputs { get; }

    /// <summary>The type that all of them have, or F32, which holds every number of the others.</summary>
    public WeightType Type => Array.TrueForAll(_tensors, tensor => tensor.Type == _tensors[0].Type) ? _tensors[0].Type : WeightType.F32;

    /// <summary>One output's weights; zeros beyond the last. Called from several threads.</summary>
    public void Read(int output, Span<float> row)
    {
        long at = output;
        foreach (WeightTensor tensor in _tensors)
        {
            if (at < tensor.Shape[0])
            {
                tensor.ReadRow(at, row);
                return;
            }
            at -= tensor.Shape[0];
        }
        row.Clear();
    }
}
