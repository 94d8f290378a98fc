namespace Coppice.Constraints;

/// <summary>
/// The bytes of a vocabulary's tokens as a tree in preorder: a walk goes along the arrays, and jumps over a subtree that is ruled out.
/// Tokens without bytes, which special tokens are, are not in it.
/// </summary>
internal sealed class TokenTrie
{
    private readonly int[] _firstToken;   // node n's tokens are _tokens[_firstToken[n].._firstToken[n + 1]]
    private readonly int[] _tokens;

    /// <param name="tokenizer">Whose tokens.</param>
    public TokenTrie(Tokenizer tokenizer)
    {
        VocabularySize = tokenizer.VocabularySize;
        byte[][] bytes = new byte[VocabularySize][];
        for (int token = 0; token < bytes.Length; token++) bytes[token] = tokenizer.Bytes(token).ToArray();
        int[] sorted = [.. Enumerable.Range(0, bytes.Length).Where(token => bytes[token].Length > 0)];
        Array.Sort(sorted, (a, b) => bytes[a].AsSpan().SequenceCompareTo(bytes[b]) is var order && order != 0 ? order : a.CompareTo(b));

        List<byte> values = [];
        List<int> depths = [], ends = [], firstToken = [];
        Stack<int> path = new();
        byte[] last = [];
        for (int i = 0; i < sorted.Length; i++)
        {
            byte[] token = bytes[sorted[i]];
            int shared = token.AsSpan().CommonPrefixLength(last);
            while (path.Count > shared) ends[path.Pop()] = values.Count;
            for (; path.Count < token.Length; path.Push(values.Count - 1))
            {
                values.Add(token[path.Count]);
                depths.Add(path.Count);
                ends.Add(0);
                firstToken.Add(i);
            }
            last = token;
        }
        while (path.TryPop(out int open)) ends[open] = values.Count;
        firstToken.Add(sorted.Length);
        // A node's tokens sort before those of the nodes below it, so that where the next node's begin its own end.
        (Values, Depths, Ends, _firstToken, _tokens) = ([.. values], [.. depths], [.. ends], [.. firstToken], sorted);
        Longest = depths.Count == 0 ? 0 : depths.Max() + 1;
    }

    public int VocabularySize { get; }

    public int Count => Values.Length;

    /// <summary>Bytes of the longest token.</summary>
    public int Longest { get; }

    /// <summary>By node: the byte that leads to it.</summary>
    public byte[] Values { get; }

    /// <summary>By node: how many bytes come before its own.</summary>
    public int[] Depths { get; }

    /// <summary>By node: where its subtree ends.</summary>
    public int[] Ends { get; }

    /// <summary>The tokens that end at a node.</summary>
    public ReadOnlySpan<int> Tokens(int node) => _tokens.AsSpan(_firstToken[node].._firstToken[node + 1]);
}
