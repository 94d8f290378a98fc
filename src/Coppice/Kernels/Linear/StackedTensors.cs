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

    /// <summary>Neighbours of the same type together, in order.</summary>
    public IReadOnlyList<StackedTensors> Runs
    {
        get
        {
            List<StackedTensors> runs = [];
            for (int from = 0, to; from < _tensors.Length; from = to)
            {
                for (to = from + 1; to < _tensors.Length && _tensors[to].Type == _tensors[from].Type; to++) { }
                runs.Add(new StackedTensors(_tensors[from..to]));
            }
            return runs;
        }
    }

    /// <summary>One output's weights; zeros beyond the last. Called from several threads.</summary>
    public void Read(int output, Span<float> row)
    {
        if (Find(output, out long at) is { } tensor) tensor.ReadRow(at, row);
        else row.Clear();
    }

    /// <summary>Bytes of one output's weights, which all tensors keep alike where these are read.</summary>
    public int RowBytes => checked((int)_tensors[0].RowByteCount);

    /// <summary>Weights of outputs [first, first + count) as the file has them, <see cref="RowBytes"/> each. Called from several threads.</summary>
    public void ReadBytes(int first, int count, Span<byte> rows)
    {
        for (int done = 0, take; done < count; done += take)
        {
            WeightTensor tensor = Find(first + done, out long at) ?? throw new ArgumentOutOfRangeException(nameof(count), count, $"There are {Outputs} outputs.");
            take = (int)Math.Min(count - done, tensor.Shape[0] - at);
            tensor.ReadRowsBytes(at, take, rows.Slice(done * RowBytes, take * RowBytes));
        }
    }

    private WeightTensor? Find(int output, out long row)
    {
        row = output;
        foreach (WeightTensor tensor in _tensors)
        {
            if (row < tensor.Shape[0]) return tensor;
            row -= tensor.Shape[0];
        }
        return null;
    }
}
