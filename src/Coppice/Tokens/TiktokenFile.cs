using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>
/// Reads a tiktoken vocabulary: a line for each token, its bytes in base64 and its rank, which is its id. The file has neither pattern nor special tokens;
/// the number of its tokens says whose it is.
/// </summary>
internal static class TiktokenFile
{
    /// <summary>So many first bytes tell what a file is.</summary>
    public const int TellingBytes = 8192;

    private const int LongestToken = 1024, MostTokens = 1 << 20;

    private sealed record Family(string Name, PreTokenizer Words, string[] Specials, string? BeginOfText, string EndOfText);

    private static readonly Dictionary<int, Func<string, Family>> s_byTokens = new()
    {
        [50_256] = _ => new("gpt2", FamilyPattern.Gpt2, ["<|endoftext|>"], null, "<|endoftext|>"),
        [100_256] = _ => new("cl100k", FamilyPattern.Llama3, ["", "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"], null, "<|endoftext|>"),
        [128_000] = _ => new("llama 3", FamilyPattern.Llama3, Llama3Specials(), "<|begin_of_text|>", "<|end_of_text|>"),
        [151_643] = _ => new("qwen", FamilyPattern.Qwen2, ["<|endoftext|>", "<|im_start|>", "<|im_end|>", .. Enumerable.Range(0, 205).Select(i => $"<|extra_{i}|>")], null, "<|endoftext|>"),
        [199_998] = file => new("o200k", RegexSplit.Create(file, GgufPreTokenizer.O200k, SplitBehavior.Isolated), ["", "<|endoftext|>"], null, "<|endoftext|>"),
    };

    /// <summary>Whether a tokenizer.model is of this kind and not SentencePiece's: text that begins with base64, a blank and a number.</summary>
    public static bool Is(ReadOnlySpan<byte> bytes)
    {
        int blank = bytes[..Math.Min(bytes.Length, 4 * LongestToken)].IndexOf((byte)' ');
        return blank > 0 && blank + 1 < bytes.Length && Base64.IsValid(bytes[..blank]) && char.IsAsciiDigit((char)bytes[blank + 1]);
    }

    public static TokenizerParts Read(string file, TokenizerConfigFile config) => Read(file, SmallFile.Read(file, SmallFile.LargestData), config);

    /// <param name="file">The file, for messages.</param>
    /// <param name="bytes">Its content.</param>
    /// <param name="config">The file beside it.</param>
    public static TokenizerParts Read(string file, byte[] bytes, TokenizerConfigFile config)
    {
        List<string> pieces = ReadPieces(file, bytes);
        if (!s_byTokens.TryGetValue(pieces.Count, out Func<string, Family>? make))
            throw new ModelFormatException(file, $"A tiktoken vocabulary of {pieces.Count} tokens is of no known family ({string.Join(", ", s_byTokens.Keys.Order())} tokens are); use the model's tokenizer.json.");
        return Build(file, pieces, make(file), config);
    }

    /// <summary>The merges as a list has them, two tokens and a blank, the earliest first: all that the ranks allow.</summary>
    public static IEnumerable<string> MergeLines(string file)
    {
        List<string> pieces = ReadPieces(file, SmallFile.Read(file, SmallFile.LargestData));
        Dictionary<string, int> ids = new(pieces.Select((piece, id) => KeyValuePair.Create(piece, id)), StringComparer.Ordinal);
        return Merges(pieces, ids).OrderBy(merge => merge.Merged).ThenBy(merge => merge.Left).Select(merge => $"{pieces[merge.Left]} {pieces[merge.Right]}");
    }

    private static TokenizerParts Build(string file, List<string> pieces, Family family, TokenizerConfigFile config)
    {
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        for (int id = 0; id < pieces.Count; id++)
            if (!ids.TryAdd(pieces[id], id)) throw new ModelFormatException(file, $"Token {id} has the bytes of token {ids[pieces[id]]}.");
        int[] byteIds = new int[256];
        for (int b = 0; b < 256; b++)
            byteIds[b] = ids.TryGetValue(ByteAlphabet.CharOf((byte)b).ToString(), out int id) ? id : throw new ModelFormatException(file, $"There is no token for the byte {b}.");

        string[] all = [.. pieces, .. family.Specials];
        bool[] special = [.. Enumerable.Range(0, all.Length).Select(id => id >= pieces.Count)];
        Vocabulary vocabulary = new(file, all, special, special, new PieceDecoder { ByteLevel = true });
        int? begin = Find(config.BeginOfText ?? family.BeginOfText, "bos_token"), end = Find(config.EndOfText ?? family.EndOfText, "eos_token");
        List<(int Left, int Right, int Merged)> merges = Merges(pieces, ids);
        MergeTable table = new(merges.Count);
        foreach ((int left, int right, int merged) in merges) table.TryAdd(left, right, merged, merged);
        return new TokenizerParts
        {
            Vocabulary = vocabulary,
            AddedToText = new AddedTokens(file, Enumerable.Range(pieces.Count, family.Specials.Length).Where(id => all[id].Length > 0).Select(id => new AddedToken(id, all[id]) { Special = true })),
            AddedToNormalized = new AddedTokens(file, []),
            PreTokenizers = [family.Words],
            Model = new Bpe { Unit = BpeUnit.Byte, Merges = table, VocabularySize = all.Length, ByteIds = byteIds, WholeWords = vocabulary },
            Before = (config.AddsBeginOfText ?? family.BeginOfText is not null) && begin is int b1 ? [b1] : [],
            After = config.AddsEndOfText == true && end is int e1 ? [e1] : [],
            BeginOfText = begin,
            EndOfText = end,
        };

        int? Find(string? piece, string name)
        {
            if (piece is null) return null;
            return vocabulary.TryFind(piece, out int id) ? id : throw new ModelFormatException(file, $"{name} of tokenizer_config.json is '{piece}', which is not in the vocabulary of {family.Name}.");
        }
    }

    private static List<string> ReadPieces(string file, ReadOnlySpan<byte> bytes)
    {
        List<string> pieces = [];
        StringBuilder spelled = new();
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = (end < 0 ? bytes : bytes[..end]).TrimEnd((byte)'\r');
            bytes = end < 0 ? default : bytes[(end + 1)..];
            if (line.IsEmpty) continue;
            int blank = line.IndexOf((byte)' ');
            byte[] token = new byte[LongestToken];
            if (blank <= 0 || Base64.DecodeFromUtf8(line[..blank], token, out _, out int count) != System.Buffers.OperationStatus.Done || count == 0)
                throw new ModelFormatException(file, $"Line {pieces.Count + 1} is not a token of 1 to {LongestToken} bytes in base64 and its rank.");
            if (!int.TryParse(line[(blank + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int rank) || rank != pieces.Count)
                throw new ModelFormatException(file, $"Line {pieces.Count + 1} has the rank '{Encoding.Latin1.GetString(line[(blank + 1)..])}'; ranks count up from 0.");
            if (pieces.Count == MostTokens) throw new ModelFormatException(file, $"There are more than {MostTokens} tokens.");
            spelled.Clear();
            foreach (byte value in token.AsSpan(0, count)) spelled.Append(ByteAlphabet.CharOf(value));
            pieces.Add(spelled.ToString());
        }
        return pieces;
    }

    // Two neighbours merge where their bytes together are a token; its rank is the merge's.
    private static List<(int Left, int Right, int Merged)> Merges(List<string> pieces, Dictionary<string, int> ids)
    {
        var lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        List<(int Left, int Right, int Merged)> merges = [];
        for (int id = 0; id < pieces.Count; id++)
            for (int at = 1; at < pieces[id].Length; at++)
                if (lookup.TryGetValue(pieces[id].AsSpan(0, at), out int left) && lookup.TryGetValue(pieces[id].AsSpan(at), out int right)) merges.Add((left, right, id));
        return merges;
    }

    private static string[] Llama3Specials()
    {
        string[] named = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>", "<|finetune_right_pad_id|>", "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>"];
        return [.. named, .. Enumerable.Range(3, 256 - named.Length).Select(i => $"<|reserved_special_token_{i}|>")];
    }
}
