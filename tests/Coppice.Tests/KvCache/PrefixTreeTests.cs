using Coppice.KvCache;

namespace Coppice.Tests.KvCache;

public sealed class PrefixTreeTests : IDisposable
{
    private readonly KvPages _kv = new(new KvLayout(1, 1, 8, KvFormat.F32), 9);
    private readonly PagePool _pool;
    private readonly int _root;

    public PrefixTreeTests()
    {
        _pool = new PagePool(_kv);
        _root = _pool.Tree.Root(salt: null);
    }

    public void Dispose() => _kv.Dispose();

    [Fact]
    public void A_page_is_found_by_its_tokens_below_its_parent_and_nowhere_else()
    {
        int a = Publish(_root, 1), b = Publish(a, 2), c = Publish(_root, 2);
        Assert.True(_pool.Tree.TryFind(a, Page(2), out int found) && found == b);
        Assert.True(_pool.Tree.TryFind(_root, Page(2), out found) && found == c);
        Assert.False(_pool.Tree.TryFind(b, Page(2), out _));
        Assert.False(_pool.Tree.TryFind(_pool.Tree.Root("salt"), Page(1), out _));
    }

    [Fact]
    public void The_longest_common_beginning_inside_a_page_is_found()
    {
        int[] tokens = Page(1);
        int a = Publish(_root, tokens);
        int[] other = [.. tokens];
        other[5] = 99;
        int b = Publish(_root, other);
        int[] wanted = [.. tokens];
        wanted[11] = 98;
        Assert.Equal(11, _pool.Tree.LongestBeginning(_root, wanted, out int page));
        Assert.Equal(a, page);
        Assert.Equal(6, _pool.Tree.LongestBeginning(_root, other.AsSpan(0, 6), out page));
        Assert.Equal(b, page);
        Assert.Equal(0, _pool.Tree.LongestBeginning(a, tokens, out _));
    }

    [Fact]
    public void The_least_recently_used_leaf_goes_first_and_never_a_page_that_is_held()
    {
        // root - a - b, root - c, root - d (held)
        int a = Publish(_root, 1), b = Publish(a, 2), c = Publish(_root, 3), d = Publish(_root, 4);
        _pool.LetGo(c);
        _pool.LetGo(b);
        _pool.LetGo(a);
        _pool.CheckInvariants([d]);
        for (int i = 0; i < 4; i++) Assert.True(_pool.TryTake(out _));       // the four that were free
        Assert.Equal([c, b, a], [Take(), Take(), Take()]);
        Assert.False(_pool.TryTake(out _));
        Assert.False(_pool.Tree.TryFind(_root, Page(1), out _));
        Assert.True(_pool.Tree.TryFind(_root, Page(4), out _));
    }

    [Fact]
    public void Using_a_cached_page_again_keeps_it_and_its_parents()
    {
        int a = Publish(_root, 1), b = Publish(a, 2), c = Publish(a, 3);
        _pool.LetGo(b);
        _pool.LetGo(c);
        _pool.LetGo(a);
        _pool.Hold(a);
        _pool.Hold(b);
        Assert.Equal((5, 1, 2), (_pool.Free, _pool.Cached, _pool.InUse));
        _pool.LetGo(b);
        _pool.LetGo(a);
        _pool.CheckInvariants([]);
        for (int i = 0; i < 5; i++) Take();
        Assert.Equal([c, b, a], [Take(), Take(), Take()]);
    }

    [Fact]
    public void A_cached_page_above_one_that_is_held_can_go_and_what_is_below_leaves_the_tree()
    {
        // root - a - b - c - d: a and b lie before a window, c is held, and d was another's, who ended.
        int a = Publish(_root, 1), b = Publish(a, 2), c = Publish(b, 3), d = Publish(c, 4);
        _pool.LetGo(d);
        _pool.LetGo(a);
        _pool.LetGo(b);
        _pool.CheckInvariants([c]);
        for (int i = 0; i < 4; i++) Take();
        Assert.Equal(d, Take());
        Assert.Equal(b, Take());
        Assert.False(_pool.Tree.Contains(c));
        Assert.True(_pool.Tree.TryFind(_root, Page(1), out _));
        Assert.False(_pool.Tree.TryFind(a, Page(2), out _));
        _pool.LetGo(c);
        Assert.Equal([c, a], [Take(), Take()]);
        Assert.False(_pool.TryTake(out _));
    }

    [Fact]
    public void Cached_pages_below_one_that_goes_are_free()
    {
        // b is older than d: when it goes, so does d, for which there is no way any more.
        int a = Publish(_root, 1), b = Publish(a, 2), c = Publish(b, 3), d = Publish(c, 4);
        _pool.LetGo(b);
        _pool.LetGo(d);
        for (int i = 0; i < 4; i++) Take();
        Assert.Equal(b, Take());
        Assert.Equal((1, 0), (_pool.Free, _pool.Cached));
        Assert.Equal(d, Take());
        Assert.False(_pool.TryTake(out _));
        Assert.True(_pool.Tree.Contains(a));
        Assert.False(_pool.Tree.Contains(c));
    }

    [Fact]
    public void A_random_life_of_pages_keeps_every_link_right()
    {
        Random random = new(3);
        using KvPages kv = new(new KvLayout(1, 1, 8, KvFormat.F32), 60);
        PagePool pool = new(kv);
        List<List<int>> paths = [];
        for (int step = 0; step < 3000; step++)
        {
            if (paths.Count > 0 && random.Next(2) == 0)
            {
                List<int> path = paths[random.Next(paths.Count)];
                paths.Remove(path);
                for (int i = path.Count - 1; i >= 0; i--) pool.LetGo(path[i]);
            }
            else if (paths.Count > 0 && random.Next(5) == 0)
            {
                List<int> path = paths[random.Next(paths.Count)];
                if (path.Count < 2) continue;
                pool.LetGo(path[0]);        // a window moves on
                path.RemoveAt(0);
            }
            else
            {
                List<int> path = [];
                int parent = pool.Tree.Root(salt: null);
                for (int depth = random.Next(1, 8); depth > 0; depth--)
                {
                    int[] tokens = Page(random.Next(3));
                    if (pool.Tree.TryFind(parent, tokens, out int page)) pool.Hold(page);
                    else if (pool.TryTake(out page)) pool.Tree.Add(parent, page, tokens);
                    else break;
                    path.Add(parent = page);
                }

                paths.Add(path);
            }

            pool.CheckInvariants(paths.SelectMany(path => path));
        }
    }

    private static int[] Page(int first) => [.. Enumerable.Range(first * 100, KvLayout.PageTokens)];

    private int Publish(int parent, int first) => Publish(parent, Page(first));

    private int Publish(int parent, int[] tokens)
    {
        int page = Take();
        _pool.Tree.Add(parent, page, tokens);
        return page;
    }

    private int Take()
    {
        Assert.True(_pool.TryTake(out int page));
        return page;
    }
}
