using System.Runtime.InteropServices;
using Coppice.Attention;
using Coppice.KvCache;

namespace Coppice.Scheduling;

/// <summary>
/// Decides who runs. Requests run in the order of <see cref="WaitingLine"/>, but one whose prefix another is just computing waits for it.
/// When pages run out the youngest sequence pauses: it gives its pages back and computes them again later, to the same bits.
/// Where every layer has a window, a sequence lets go of the pages before the widest; one layer that sees all keeps all pages.
/// </summary>
internal sealed class Scheduler
{
    private const int AdmissionWindow = 256;

    private readonly PagePool _pool;
    private readonly KvPages _kv;
    private readonly int _maxBatch, _maxBatchPerOwner, _prefillChunk, _keptTokens;
    private readonly PageReuse _reuse;
    private readonly WaitingLine _waiting = new();
    private readonly List<Sequence> _running = [];      // oldest first
    private readonly Sequence[] _ordered;               // the step's sequences, in the order of their page tables
    private readonly int[] _rows;                       // rows of each of them
    private int _orderedCount;
    private int[] _matched = new int[64];

    /// <param name="kv">Keys and values.</param>
    /// <param name="pool">Their pages.</param>
    /// <param name="maxBatch">Most sequences that run at once.</param>
    /// <param name="prefillChunk">Most prompt tokens of a step.</param>
    /// <param name="keptTokens">The widest window if every layer has one; 0: everything is kept.</param>
    /// <param name="reuse">Which pages sequences may have in common.</param>
    /// <param name="maxBatchPerOwner">Most sequences of one owner that run at once; null: <paramref name="maxBatch"/>.</param>
    public Scheduler(KvPages kv, PagePool pool, int maxBatch, int prefillChunk, int keptTokens, PageReuse reuse = PageReuse.All, int? maxBatchPerOwner = null)
    {
        _keptTokens = keptTokens;
        _reuse = reuse;
        _kv = kv;
        _pool = pool;
        _maxBatch = maxBatch;
        _maxBatchPerOwner = maxBatchPerOwner ?? maxBatch;
        _prefillChunk = prefillChunk;
        _ordered = new Sequence[maxBatch];
        _rows = new int[maxBatch];
        Batch = new Batch(maxBatch + prefillChunk, maxBatch);
    }

    public Batch Batch { get; }

    /// <summary>Most rows of longer chunks that give logits in one step, so that a long text being scored does not fill the memory with logits.</summary>
    public int MostScoredRows { get; init; } = int.MaxValue;

    /// <summary>The sequences of the batch, in its order.</summary>
    public ReadOnlySpan<Sequence> BatchSequences => _ordered.AsSpan(0, _orderedCount);

    public ReadOnlySpan<Sequence> Running => CollectionsMarshal.AsSpan(_running);

    public int WaitingCount => _waiting.Count;

    public bool HasWork => _running.Count + _waiting.Count > 0;

    public SchedulerCounters Counters { get; } = new();

    public void Submit(Request request)
    {
        request.Owner = _waiting.OwnerOf(request.Options.Owner);
        foreach (Sequence sequence in request.Sequences) _waiting.Add(sequence);
        Counters.PromptTokens += request.Prompt.Length;
    }

    /// <summary>The rows of the next step, with pages for all of them. Empty if nothing can run.</summary>
    public Batch NextBatch()
    {
        Admit();
        int prefill = _prefillChunk, scored = MostScoredRows;
        _orderedCount = 0;
        for (int i = 0; i < _running.Count; i++)
        {
            Sequence sequence = _running[i];
            int rows = sequence.Length - sequence.Computed;
            if (rows > 1)
            {
                rows = Math.Min(rows, prefill);
                if (sequence.Request.Scores is not null)
                {
                    rows = Math.Min(rows, Math.Max(0, sequence.LogitsFrom - sequence.Computed) + scored);
                    scored -= WantedRows(sequence, rows);
                }

                prefill -= rows;
            }

            if (rows == 0) continue;
            if (!TakePages(sequence, sequence.Computed + rows)) break;      // it was the youngest itself, and paused
            _ordered[_orderedCount] = sequence;
            _rows[_orderedCount++] = rows;
        }

        MemoryExtensions.Sort(_ordered.AsSpan(0, _orderedCount), _rows.AsSpan(0, _orderedCount), PageOrder.Instance);
        Batch.Clear();
        for (int i = 0; i < _orderedCount; i++)
        {
            Sequence sequence = _ordered[i];
            Batch.Add(sequence.Table, sequence.Computed, sequence.Tokens.Slice(sequence.Computed, _rows[i]), sequence.DecodeFrom);
            sequence.LogitRows = WantedRows(sequence, _rows[i]);
            sequence.LogitRow = sequence.Request.Pooling is null ? Batch.WantLogits(sequence.LogitRows) : Batch.WantHidden(sequence.LogitRows);
        }

        return Batch;
    }

    /// <summary>How many of a sequence's next rows give logits that are wanted.</summary>
    private static int WantedRows(Sequence sequence, int rows) => Math.Clamp(sequence.Computed + rows - sequence.LogitsFrom, 0, rows);

    /// <summary>The step is computed: its pages are full of what they should hold.</summary>
    public void Computed(Sequence sequence, int rows)
    {
        if (sequence.Generated == 0 && sequence.Index == 0) Counters.ComputedPromptTokens += rows;
        else if (rows > 1) Counters.RecomputedTokens += rows;
        sequence.Computed += rows;
    }

    /// <summary>Pages that a sequence of so many tokens holds at most at once: more than its window takes, since a step adds a chunk and whole blocks go.</summary>
    public int MostPages(int tokens)
    {
        int pages = KvLayout.PagesFor(tokens);
        return _keptTokens == 0 ? pages : (int)Math.Min(pages, ((long)_keptTokens + _prefillChunk + 2 * KvLayout.BlockTokens) / KvLayout.PageTokens + 2);
    }

    /// <summary>
    /// Puts the sequence's full pages into the prefix tree, and lets go of those before its window. A page that is there already takes the
    /// place of the sequence's own.
    /// </summary>
    public void Publish(Sequence sequence)
    {
        int reusable = Math.Min(sequence.Computed, Reusable(sequence, sequence.Length));
        for (; (sequence.Published + 1) * KvLayout.PageTokens <= reusable; sequence.Published++)
        {
            int index = sequence.Published, own = sequence.Table[index];
            // Where a page above was evicted, the tree has no place for what follows.
            if (index > 0 && !_pool.Tree.Contains(sequence.Table[index - 1])) continue;
            int parent = index == 0 ? sequence.Request.Root : sequence.Table[index - 1];
            ReadOnlySpan<int> tokens = sequence.Tokens.Slice(index * KvLayout.PageTokens, KvLayout.PageTokens);
            if (!_pool.Tree.TryFind(parent, tokens, out int page))
            {
                _pool.Tree.Add(parent, own, tokens);
            }
            else if (page != own)
            {
                _pool.Hold(page);
                sequence.Table.Replace(index, page);
                _pool.LetGo(own);
            }
        }

        Trim(sequence);
    }

    /// <summary>
    /// Lets go of whole blocks before the window of the next position; of whole blocks, so that samples of about the same length go on
    /// having the same tables, which the attention shares by. The last published page stays: the next is put below it.
    /// </summary>
    private void Trim(Sequence sequence)
    {
        if (_keptTokens == 0 || sequence.Request.Pin is not null) return;      // a pin keeps its beginning
        int blocks = Math.Min(AttentionRule.FirstSeen(sequence.Computed, _keptTokens) / KvLayout.BlockTokens, (sequence.Published - 1) / KvLayout.PagesPerBlock);
        while (sequence.Table.Trimmed < blocks * KvLayout.PagesPerBlock) _pool.LetGo(sequence.Table.TrimFirst());
    }

    /// <summary>
    /// The other samples of a request whose first has just computed the prompt: they share its full pages and copy the
    /// last, partly filled one. Samples that find no place now come back as sequences of their own.
    /// </summary>
    public int Branch(Sequence first, Span<Sequence> branches)
    {
        int count = 0;
        if (_reuse == PageReuse.None) return 0;
        for (int i = 1; i < first.Request.Sequences.Length && HasPlace(first.Request.Owner); i++)
        {
            Sequence branch = first.Request.Sequences[i];
            if (branch.IsFinished || branch.Table.Count > 0) continue;
            int full = first.Computed / KvLayout.PageTokens, rest = first.Computed % KvLayout.PageTokens;
            int page = 0;
            if (rest > 0 && !_pool.TryTake(out page)) break;
            branch.Admit();
            branch.Table.Skip(first.Table.Trimmed);
            for (int p = first.Table.Trimmed; p < full; p++) Share(branch, first.Table[p]);
            if (rest > 0)
            {
                _kv.Copy(first.Table[full], page, rest);
                branch.Table.Append(page);
            }

            branch.Computed = first.Computed;
            branch.Published = full;
            _waiting.Remove(branch);
            Run(branch);
            branches[count++] = branch;
        }

        return count;
    }

    /// <summary>The sequence is done: its pages stay in the tree until they are needed, or go back.</summary>
    public void Finish(Sequence sequence)
    {
        Release(sequence);
        if (_running.Remove(sequence)) sequence.Request.Owner.Running--;
        else _waiting.Remove(sequence);
    }

    /// <summary>Everything that has not ended.</summary>
    public IReadOnlyList<Sequence> All() => [.. _running, .. _waiting.All];

    /// <summary>Roots of the prefix tree that requests are using.</summary>
    public IEnumerable<int> Roots => _running.Concat(_waiting.All).Select(sequence => sequence.Request.Root);

    /// <summary>The most recently admitted sequence gives its pages back and waits where it stood in the line.</summary>
    public void PauseYoungest()
    {
        Sequence youngest = _running[^1];
        _running.RemoveAt(_running.Count - 1);
        youngest.Request.Owner.Running--;
        Release(youngest);
        _waiting.Return(youngest);
        Counters.Pauses++;
    }

    /// <summary>Throws if pages were lost or are counted twice.</summary>
    /// <param name="pinned">Pages that are held besides, once for each holder.</param>
    public void CheckInvariants(IEnumerable<int>? pinned = null)
    {
        _pool.CheckInvariants(_running.SelectMany(sequence => sequence.Table.Pages.Take(sequence.Table.Trimmed..sequence.Table.Count)).Concat(pinned ?? []));
        foreach (Sequence sequence in _running)
        {
            if (sequence.Table.Count != KvLayout.PagesFor(sequence.Computed) && sequence.Table.Count != KvLayout.PagesFor(sequence.Length))
                throw new InvalidOperationException($"{sequence.Table.Count} pages for {sequence.Computed} of {sequence.Length} tokens.");
            if (sequence.Published > sequence.Table.Count || sequence.Published * KvLayout.PageTokens > sequence.Computed)
                throw new InvalidOperationException($"{sequence.Published} pages published of {sequence.Computed} tokens.");
            if (sequence.Table.Trimmed > 0 && (_keptTokens == 0 || sequence.Table.Trimmed * KvLayout.PageTokens > AttentionRule.FirstSeen(sequence.Computed, _keptTokens)))
                throw new InvalidOperationException($"{sequence.Table.Trimmed} pages trimmed at {sequence.Computed} tokens with a window of {_keptTokens}.");
            for (int i = sequence.Table.Trimmed; i < sequence.Published; i++)
            {
                int page = sequence.Table[i];
                if (!_pool.Tree.Contains(page))
                {
                    if (_keptTokens == 0) throw new InvalidOperationException($"Page {page} was published and is not in the tree.");
                }
                else if ((i == 0 || i > sequence.Table.Trimmed) && _pool.Tree.Parent(page) != (i == 0 ? sequence.Request.Root : sequence.Table[i - 1]))
                {
                    throw new InvalidOperationException($"Page {page} stands below {_pool.Tree.Parent(page)} and not below the page before it.");
                }
            }
        }

        foreach (Sequence sequence in _waiting)
            if (sequence.Table.Count != 0) throw new InvalidOperationException($"A waiting sequence holds {sequence.Table.Count} pages.");
    }

    /// <summary>Ends the sequences whose requests were cancelled.</summary>
    public void DropCancelled()
    {
        for (LinkedListNode<Sequence>? node = _waiting.First, next; node is not null; node = next)
        {
            next = node.Next;
            if (node.Value.Request.IsCancelled) Cancel(node.Value);
        }

        for (int i = _running.Count - 1; i >= 0; i--)
            if (_running[i].Request.IsCancelled) Cancel(_running[i]);
    }

    private void Cancel(Sequence sequence)
    {
        Finish(sequence);
        sequence.End(FinishReason.Cancelled);
        sequence.Request.FinishOne();
        if (sequence.Request.IsFinished) Counters.FinishedRequests++;
    }

    private void Admit()
    {
        int prefill = _prefillChunk;
        foreach (Sequence sequence in _running)
            if (sequence.IsPrefilling) prefill -= sequence.Length - sequence.Computed;
        int looked = 0;
        for (LinkedListNode<Sequence>? node = _waiting.First, next; node is not null && _running.Count < _maxBatch && prefill > 0 && looked < AdmissionWindow; node = next, looked++)
        {
            next = node.Next;
            Sequence sequence = node.Value;
            if (!HasPlace(sequence.Request.Owner)) continue;
            int matched = Match(sequence);
            if (IsBeingComputed(sequence, matched)) continue;
            int idle = 0;
            foreach (int page in _matched.AsSpan(0, matched))
                if (!_pool.IsHeld(page)) idle++;
            // Room for the sequence, one token more, and a page for each that runs.
            int needed = Math.Min(KvLayout.PagesFor(sequence.Length + 1) - matched, MostPages(sequence.Length + 1));
            if (_running.Count > 0 && _pool.Available - idle < needed + _running.Count) break;
            _waiting.Take(node);
            Start(sequence, matched);
            prefill -= sequence.Length - sequence.Computed;
        }
    }

    /// <summary>Pages of the tree that hold the sequence's beginning, short of the first position whose logits are wanted.</summary>
    private int Match(Sequence sequence)
    {
        ReadOnlySpan<int> tokens = sequence.Tokens[..Reusable(sequence, sequence.LogitsFrom)];
        int full = tokens.Length / KvLayout.PageTokens, count = 0, parent = sequence.Request.Root;
        if (_matched.Length < full) _matched = new int[full * 2];
        for (; count < full && _pool.Tree.TryFind(parent, tokens.Slice(count * KvLayout.PageTokens, KvLayout.PageTokens), out int page); count++)
            _matched[count] = parent = page;
        return count;
    }

    /// <summary>A running sequence is about to compute pages that this one could share.</summary>
    private bool IsBeingComputed(Sequence sequence, int matched)
    {
        foreach (Sequence other in _running)
        {
            if (other.Request == sequence.Request && other.Index == 0 && other.Generated == 0) return true;
            if (!other.IsPrefilling || other.Request.Root != sequence.Request.Root) continue;
            int common = other.Tokens[..Reusable(other, other.Length)].CommonPrefixLength(sequence.Tokens[..Reusable(sequence, sequence.LogitsFrom)]) / KvLayout.PageTokens;
            if (common > matched) return true;
        }

        return false;
    }

    private void Start(Sequence sequence, int matched)
    {
        bool countPrompt = sequence.Index == 0 && sequence.Generated == 0;
        sequence.Admit();
        foreach (int page in _matched.AsSpan(0, matched))
        {
            if (countPrompt)
            {
                Found(sequence, KvLayout.PageTokens, page);
                _pool.Tree.Hit(page);
            }

            Share(sequence, page);
        }

        sequence.Published = matched;
        sequence.Computed = matched * KvLayout.PageTokens;
        Trim(sequence);
        // The branch may lie inside a page: copy the part in common.
        int parent = matched == 0 ? sequence.Request.Root : _matched[matched - 1];
        ReadOnlySpan<int> rest = sequence.Tokens[sequence.Computed..Math.Max(sequence.Computed, Reusable(sequence, sequence.LogitsFrom))];
        int common = _pool.Tree.LongestBeginning(parent, rest[..Math.Min(rest.Length, KvLayout.PageTokens)], out int source);
        if (common > 0)
        {
            _pool.Hold(source);
            if (_pool.TryTake(out int own))
            {
                _kv.Copy(source, own, common);
                sequence.Table.Append(own);
                sequence.Computed += common;
            }

            _pool.LetGo(source);
            if (countPrompt && own > 0) Found(sequence, common, source);
        }

        Run(sequence);
    }

    private bool HasPlace(Owner owner) => _running.Count < _maxBatch && owner.Running < _maxBatchPerOwner;

    private void Run(Sequence sequence)
    {
        _running.Add(sequence);
        sequence.Request.Owner.Running++;
    }

    /// <summary>Of the first <paramref name="tokens"/> of a sequence, those whose keys and values are what any other sequence would have computed.</summary>
    private int Reusable(Sequence sequence, int tokens) => _reuse switch
    {
        PageReuse.All => tokens,
        PageReuse.Prompts => Math.Min(tokens, sequence.DecodeFrom),
        _ => 0,
    };

    private void Found(Sequence sequence, int tokens, int page)
    {
        if (_pool.IsHeld(page)) Counters.SharedPromptTokens += tokens;
        else Counters.CachedPromptTokens += tokens;
        sequence.Request.CachedTokens += tokens;
    }

    private void Share(Sequence sequence, int page)
    {
        _pool.Hold(page);
        sequence.Table.Append(page);
    }

    /// <summary>Takes pages up to <paramref name="tokens"/>, pausing younger sequences if there is no other way. False if the sequence itself paused.</summary>
    private bool TakePages(Sequence sequence, int tokens)
    {
        while (sequence.Table.Count < KvLayout.PagesFor(tokens))
        {
            if (_pool.TryTake(out int page))
            {
                sequence.Table.Append(page);
                continue;
            }

            bool pausesItself = _running[^1] == sequence;
            PauseYoungest();
            if (pausesItself) return false;
        }

        return true;
    }

    private void Release(Sequence sequence)
    {
        while (sequence.Table.Count > sequence.Table.Trimmed) _pool.LetGo(sequence.Table.RemoveLast());
        sequence.Table.Clear();
        sequence.Computed = sequence.Published = 0;
    }

    /// <summary>By page tables, position by position: sequences with the same beginning become neighbours.</summary>
    private sealed class PageOrder : IComparer<Sequence>
    {
        public static readonly PageOrder Instance = new();

        public int Compare(Sequence? x, Sequence? y)
        {
            ReadOnlySpan<int> a = x!.Table.Pages.AsSpan(0, x.Table.Count), b = y!.Table.Pages.AsSpan(0, y.Table.Count);
            int common = a.CommonPrefixLength(b);
            if (common == a.Length || common == b.Length) return a.Length.CompareTo(b.Length);
            return a[common].CompareTo(b[common]);
        }
    }
}

/// <summary>Which pages sequences may have in common, so that nobody's bits depend on who came before.</summary>
internal enum PageReuse
{
    /// <summary>All full pages: keys and values depend on the tokens alone.</summary>
    All,

    /// <summary>Pages of prompts: what was generated depends on approximations, and is not what it would be as part of a prompt.</summary>
    Prompts,

    /// <summary>None: a policy must see every row of a sequence.</summary>
    None,
}

/// <summary>What the scheduler has done.</summary>
internal sealed class SchedulerCounters
{
    public long PromptTokens { get; set; }

    public long ComputedPromptTokens { get; set; }

    public long CachedPromptTokens { get; set; }

    public long SharedPromptTokens { get; set; }

    /// <summary>Tokens computed again after a pause, or for a sample that came later than its siblings.</summary>
    public long RecomputedTokens { get; set; }

    public long Pauses { get; set; }

    public long FinishedRequests { get; set; }
}
