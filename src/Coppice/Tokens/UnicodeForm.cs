using System.Collections.Frozen;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Coppice.Tokens;

/// <summary>
/// NFC, NFD, NFKC and NFKD (Unicode Standard Annex 15). Our own, because string.Normalize does nothing where the build is invariant and otherwise depends
/// on a library that the user's machine may lack: the same text must have the same tokens everywhere.
/// </summary>
internal sealed class UnicodeForm : Normalizer
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7, Leads = 19, Vowels = 21, Trails = 28;
    private const int Syllables = Leads * Vowels * Trails;

    public static readonly UnicodeForm Nfc = new(compatible: false, composed: true);
    public static readonly UnicodeForm Nfd = new(compatible: false, composed: false);
    public static readonly UnicodeForm Nfkc = new(compatible: true, composed: true);
    public static readonly UnicodeForm Nfkd = new(compatible: true, composed: false);

    private readonly bool _compatible;
    private readonly bool _composed;
    private readonly Lazy<bool[]> _stable;

    private UnicodeForm(bool compatible, bool composed)
    {
        _compatible = compatible;
        _composed = composed;
        _stable = new Lazy<bool[]>(FindStable);
    }

    public override string Apply(string text)
    {
        // Nearly all texts are normal already, and these characters show it one by one.
        bool[] stable = _stable.Value;
        int at = 0;
        while (at < text.Length && stable[text[at]]) at++;
        return at == text.Length ? text : Normalize(text);
    }

    private string Normalize(string text)
    {
        Data data = Data.Instance;
        List<int> codes = new(text.Length + 16);
        for (int at = 0; at < text.Length;)
        {
            // Half a pair stays what it is.
            int code = char.IsSurrogatePair(text, at) ? char.ConvertToUtf32(text, at) : text[at];
            at += code > char.MaxValue ? 2 : 1;
            Decompose(data, code, codes);
        }
        Order(data, codes);
        if (_composed) Compose(data, codes);
        StringBuilder normal = new(codes.Count);
        foreach (int code in codes)
        {
            if (code > char.MaxValue) normal.Append(new Rune(code));
            else normal.Append((char)code);
        }
        return normal.ToString();
    }

    private void Decompose(Data data, int code, List<int> codes)
    {
        if ((uint)(code - HangulBase) < Syllables)
        {
            int syllable = code - HangulBase;
            codes.Add(LeadBase + syllable / (Vowels * Trails));
            codes.Add(VowelBase + syllable % (Vowels * Trails) / Trails);
            if (syllable % Trails > 0) codes.Add(TrailBase + syllable % Trails);
            return;
        }
        if (data.Decompositions.TryGetValue(code, out Decomposition found) && (_compatible || found.IsCanonical))
            foreach (int part in found.Parts) Decompose(data, part, codes);
        else codes.Add(code);
    }

    // Combining characters after one another go by their class; those of one class keep their order.
    private static void Order(Data data, List<int> codes)
    {
        for (int from = 0; from < codes.Count;)
        {
            if (data.Class(codes[from]) == 0)
            {
                from++;
                continue;
            }
            int to = from + 1;
            while (to < codes.Count && data.Class(codes[to]) != 0) to++;
            if (to - from > 1)
            {
                int[] ordered = [.. codes.GetRange(from, to - from).OrderBy(data.Class)];
                for (int i = 0; i < ordered.Length; i++) codes[from + i] = ordered[i];
            }
            from = to;
        }
    }

    // A character joins the last starter unless one between them has the same class or none (is blocked).
    private static void Compose(Data data, List<int> codes)
    {
        int starter = -1, kept = 0, lastClass = -1;
        foreach (int code in codes.ToArray())
        {
            int combining = data.Class(code);
            if (starter >= 0 && lastClass < combining && TryCompose(data, codes[starter], code, out int composite))
            {
                codes[starter] = composite;
                continue;
            }
            if (combining == 0)
            {
                starter = kept;
                lastClass = -1;
            }
            else
            {
                lastClass = combining;
            }
            codes[kept++] = code;
        }
        codes.RemoveRange(kept, codes.Count - kept);
    }

    private static bool TryCompose(Data data, int first, int second, out int composite)
    {
        int lead = first - LeadBase, vowel = second - VowelBase;
        if ((uint)lead < Leads && (uint)vowel < Vowels)
        {
            composite = HangulBase + (lead * Vowels + vowel) * Trails;
            return true;
        }
        int syllable = first - HangulBase, trail = second - TrailBase;
        if ((uint)syllable < Syllables && syllable % Trails == 0 && trail is > 0 and < Trails)
        {
            composite = first + trail;
            return true;
        }
        return data.Composites.TryGetValue((first, second), out composite);
    }

    // What neither changes nor can take part in a change of what stands before it.
    private bool[] FindStable()
    {
        Data data = Data.Instance;
        HashSet<int> seconds = [.. data.Composites.Keys.Select(k => k.Second)];
        bool[] stable = new bool[char.MaxValue + 1];
        List<int> parts = [];
        for (int code = 0; code < stable.Length; code++)
        {
            if (char.IsSurrogate((char)code)) continue;
            parts.Clear();
            Decompose(data, code, parts);
            if (_composed && parts.Count > 1) Compose(data, parts);
            bool joins = _composed && (seconds.Contains(code) || (uint)(code - VowelBase) < Vowels || (uint)(code - TrailBase) < Trails);
            stable[code] = parts is [int same] && same == code && data.Class(code) == 0 && !joins;
        }
        return stable;
    }

    private readonly record struct Decomposition(bool IsCanonical, int[] Parts);

    private sealed class Data
    {
        private static readonly Lazy<Data> s_instance = new(() => new Data());
        private readonly FrozenDictionary<int, int> _classes;

        private Data()
        {
            Dictionary<int, Decomposition> decompositions = [];
            Dictionary<int, int> classes = [];
            Dictionary<(int First, int Second), int> composites = [];
            using DeflateStream unpacked = new(new MemoryStream(Convert.FromBase64String(UnicodeTables.Data)), CompressionMode.Decompress);
            using StreamReader reader = new(unpacked);
            int code = 0;
            while (reader.ReadLine() is { } line)
            {
                int mark = line.AsSpan().IndexOfAny('=', '~', '!');
                code += Hex(line[..mark]);
                bool isExcluded = line.EndsWith('*');
                string rest = line[(mark + 1)..].TrimEnd('*');
                if (line[mark] == '!')
                {
                    classes[code] = Hex(rest);
                    continue;
                }
                int[] parts = Array.ConvertAll(rest.Split(' '), Hex);
                decompositions[code] = new Decomposition(line[mark] == '=', parts);
                if (line[mark] == '=' && !isExcluded) composites[(parts[0], parts[1])] = code;
            }
            Decompositions = decompositions.ToFrozenDictionary();
            _classes = classes.ToFrozenDictionary();
            Composites = composites.ToFrozenDictionary();
        }

        public static Data Instance => s_instance.Value;

        public FrozenDictionary<int, Decomposition> Decompositions { get; }

        public FrozenDictionary<(int First, int Second), int> Composites { get; }

        public int Class(int code) => code < 0x300 ? 0 : _classes.GetValueOrDefault(code);

        private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
