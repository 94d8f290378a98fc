namespace Coppice.Constraints;

/// <summary>Stacks of places to return to, each as its top and the stack below: equal stacks are one number, and 0 is the empty one.</summary>
internal sealed class FrameTable
{
    private readonly List<(int Return, int Below, int Depth)> _frames = [(0, 0, 0)];
    private readonly Dictionary<(int Return, int Below), int> _ids = [];

    public int Count => _frames.Count;

    public int Depth(int stack) => _frames[stack].Depth;

    public int Push(int returnNode, int stack)
    {
        if (_ids.TryGetValue((returnNode, stack), out int id)) return id;
        id = _frames.Count;
        _frames.Add((returnNode, stack, _frames[stack].Depth + 1));
        _ids[(returnNode, stack)] = id;
        return id;
    }

    public (int Return, int Below) Pop(int stack) => (_frames[stack].Return, _frames[stack].Below);

    /// <summary>The same stack in another table.</summary>
    public int CopyTo(FrameTable other, int stack)
    {
        Span<int> returns = stackalloc int[ConstraintLimits.Depth + 1];
        int depth = 0;
        for (; stack != 0; stack = _frames[stack].Below) returns[depth++] = _frames[stack].Return;
        int copy = 0;
        while (depth > 0) copy = other.Push(returns[--depth], copy);
        return copy;
    }
}
