using System.Runtime.InteropServices;

namespace Coppice.Scheduling;

/// <summary>
/// Sequences that wait for a place in the batch: by priority, then owners in turn, each owner's in the order they came. Turns are
/// start tags of fair queueing (Goyal et al. 1996): an owner's next turn begins 1 / weight behind its last, and no earlier than now,
/// so that a thousand waiting samples of one owner stand behind the first of another.
/// </summary>
internal sealed class WaitingLine
{
    private readonly LinkedList<Sequence> _line = new();
    private readonly Dictionary<string, Owner> _owners = new(StringComparer.Ordinal);
    private readonly Owner _nobody = new("");
    private double _now;

    public int Count => _line.Count;

    public LinkedListNode<Sequence>? First => _line.First;

    public LinkedList<Sequence>.Enumerator GetEnumerator() => _line.GetEnumerator();

    public IEnumerable<Sequence> All => _line;

    /// <summary>The owner of this name; null is nobody in particular.</summary>
    public Owner OwnerOf(string? name)
    {
        if (name is null) return _nobody;
        if (_line.Count == 0) Forget();
        ref Owner? owner = ref CollectionsMarshal.GetValueRefOrAddDefault(_owners, name, out _);
        return owner ??= new Owner(name);
    }

    /// <summary>A new sequence, behind those that have the turn before it.</summary>
    public void Add(Sequence sequence)
    {
        Owner owner = sequence.Request.Owner;
        sequence.Turn = Math.Max(_now, owner.NextTurn);
        owner.NextTurn = sequence.Turn + 1 / sequence.Request.Options.OwnerWeight;
        LinkedListNode<Sequence>? before = _line.Last;
        while (before is not null && IsBefore(sequence, before.Value)) before = before.Previous;
        if (before is null) _line.AddFirst(sequence);
        else _line.AddAfter(before, sequence);
    }

    /// <summary>A sequence that had its place and lost it: to where it stood before, in front of those of the same turn.</summary>
    public void Return(Sequence sequence)
    {
        LinkedListNode<Sequence>? behind = _line.First;
        while (behind is not null && IsBefore(behind.Value, sequence)) behind = behind.Next;
        if (behind is null) _line.AddLast(sequence);
        else _line.AddBefore(behind, sequence);
    }

    /// <summary>The sequence gets its place.</summary>
    public void Take(LinkedListNode<Sequence> node)
    {
        _now = Math.Max(_now, node.Value.Turn);
        _line.Remove(node);
    }

    /// <summary>The sequence waits no longer.</summary>
    public void Remove(Sequence sequence) => _line.Remove(sequence);

    private static bool IsBefore(Sequence a, Sequence b)
    {
        int priority = a.Request.Options.Priority, other = b.Request.Options.Priority;
        return priority != other ? priority < other : a.Turn < b.Turn;
    }

    // An owner that has nothing running and whose turn has come is as good as a new one.
    private void Forget()
    {
        foreach ((string name, Owner owner) in _owners)
            if (owner.Running == 0 && owner.NextTurn <= _now) _owners.Remove(name);
    }
}

/// <summary>Somebody whose requests take turns with those of others.</summary>
internal sealed class Owner(string name)
{
    public string Name { get; } = name;

    /// <summary>When its next sample may begin, if others wait.</summary>
    public double NextTurn { get; set; }

    /// <summary>Its samples in the batch.</summary>
    public int Running { get; set; }
}
