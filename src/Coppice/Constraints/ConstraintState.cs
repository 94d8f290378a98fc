namespace Coppice.Constraints;

/// <summary>Where an output may be in its grammar: all places that its bytes lead to, each a node and a stack. What follows from it is found once and kept here.</summary>
/// <param name="frames">The table that the stacks are in.</param>
/// <param name="places">stack · 2³² + node, rising; <see cref="End"/> first where the output may end.</param>
internal sealed class ConstraintState(FrameTable frames, long[] places)
{
    /// <summary>The place at which all is said.</summary>
    public const long End = -1;

    public FrameTable Frames => frames;

    public long[] Places => places;

    /// <summary>Whether the output is whole as it is.</summary>
    public bool Accepts { get; } = places.Length > 0 && places[0] == End;

    /// <summary>Whether the output is whole and nothing may follow.</summary>
    public bool IsComplete { get; } = places.Length == 1 && places[0] == End;

    /// <summary>No output leads here.</summary>
    public bool IsDead => places.Length == 0;

    /// <summary>By class of bytes: what follows.</summary>
    public ConstraintStep[]? Steps { get; set; }

    /// <summary>The last walk for a mask that went on from here.</summary>
    public int Walk { get; set; }

    /// <summary>The tokens that may follow.</summary>
    public TokenMask? Mask { get; set; }

    /// <summary>The tokens that may follow where they begin the text.</summary>
    public TokenMask? FirstMask { get; set; }
}

/// <summary>A step to another state; To is null until it is found.</summary>
internal struct ConstraintStep
{
    public ConstraintState? To;

    /// <summary>How many places were looked at to find it.</summary>
    public int Work;

    /// <summary>The last walk for a mask that came by.</summary>
    public int Walk;
}
