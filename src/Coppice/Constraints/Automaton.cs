namespace Coppice.Constraints;

/// <summary>
/// A grammar as a pushdown automaton over bytes: a network of nodes for each rule, and a stack of places to return to. Immutable.
/// What a rule's nodes lead to is in the same rule; only calls and returns leave it.
/// </summary>
internal sealed class Automaton
{
    /// <summary>The node at which a rule ends.</summary>
    public const int Return = 0;

    /// <summary>In <see cref="Needs"/>: no text ends it within <see cref="ConstraintLimits.Depth"/>.</summary>
    public const byte Never = byte.MaxValue;

    /// <exception cref="InvalidRequestException">A rule calls itself before any text, or no text fits.</exception>
    public Automaton(Node[] nodes, Edge[] edges, int[] starts, IReadOnlyList<string> names, BuildBudget budget)
    {
        Nodes = nodes;
        Edges = edges;
        Starts = starts;
        Predecessors before = new(this, budget);
        LeftRecursion.Refuse(this, before, names, budget);
        Needs = StackNeeds.Of(this, before, budget);
        if (Needs[starts[0]] == Never) throw new InvalidRequestException($"The constraint fits no text: what it asks for contradicts itself, never ends, or nests deeper than {ConstraintLimits.Depth}.");
        ClassOfByte = Classes(edges, out int classes);
        ClassCount = classes;
    }

    public Node[] Nodes { get; }

    /// <summary>Of the nodes of kind <see cref="NodeKind.Bytes"/>.</summary>
    public Edge[] Edges { get; }

    /// <summary>By rule: its first node. Rule 0 is the root.</summary>
    public int[] Starts { get; }

    /// <summary>By node: how many places must be pushed, at least and at once, until its rule has ended.</summary>
    public byte[] Needs { get; }

    /// <summary>Bytes that every node treats alike have one class.</summary>
    public byte[] ClassOfByte { get; }

    public int ClassCount { get; }

    private static byte[] Classes(Edge[] edges, out int count)
    {
        bool[] begins = new bool[257];
        foreach (Edge edge in edges) begins[edge.Low] = begins[edge.High + 1] = true;
        byte[] classes = new byte[256];
        int at = 0;
        for (int value = 1; value < 256; value++) classes[value] = (byte)(begins[value] ? ++at : at);
        count = at + 1;
        return classes;
    }
}

/// <summary>What a node does.</summary>
internal enum NodeKind : byte
{
    /// <summary>Takes a byte: edges [A, B).</summary>
    Bytes,

    /// <summary>Goes on at A or at B.</summary>
    Split,

    /// <summary>Goes through rule A, then on at B.</summary>
    Call,

    /// <summary>Goes through rule A, with which its own ends: nothing to come back for, so that right recursion takes no stack.</summary>
    TailCall,

    /// <summary>Ends the rule.</summary>
    Return,
}

internal readonly record struct Node(NodeKind Kind, int A, int B);

/// <summary>A byte in [Low, High] leads to Next.</summary>
internal readonly record struct Edge(byte Low, byte High, int Next);
