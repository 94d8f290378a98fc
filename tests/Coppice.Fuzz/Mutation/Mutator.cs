using System.Globalization;
using System.Text;

namespace Coppice.Fuzz.Mutation;

/// <summary>Makes an input from others: a few small changes, now and then one construct a great many times or very deep.</summary>
internal sealed class Mutator
{
    private static readonly ulong[] s_extremes =
    [
        0, 1, 2, 7, 8, 9, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 1000, 4096, 65_535, 65_536, int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32,
        (1UL << 62) + 1, long.MaxValue, 1UL << 63, ulong.MaxValue,
    ];

    private static readonly string[] s_numbers = ["-0", "-1", "0.1", "-0.0", "1e5", "1e400", "-1e400", "1e-400", "0.30000000000000004", "99999999999999999999999999", "00", "1.", "2147483647", "-2147483648"];

    private readonly Random _random;
    private readonly Syntax _syntax;
    private readonly byte[][] _words;
    private readonly (byte[] Open, byte[] Close)[] _nests;
    private readonly JsonMutation? _json;
    private readonly Repetition _repetition;

    public Mutator(FuzzTarget target, Random random)
    {
        (_random, _syntax, _repetition) = (random, target.Syntax, new Repetition(random));
        _words = [.. target.Words.Concat(target.Syntax == Syntax.Binary ? [] : s_numbers).Select(Encoding.UTF8.GetBytes)];
        _nests = [.. target.Nests.Select(nest => (Encoding.UTF8.GetBytes(nest.Open), Encoding.UTF8.GetBytes(nest.Close)))];
        _json = target.Syntax == Syntax.Json ? new JsonMutation(target.Words, random, _repetition) : null;
    }

    public byte[] Next(byte[] input, byte[] other)
    {
        _repetition.Begin();
        for (int edits = 1 << _random.Next(4); edits > 0; edits--) input = _json is not null && _random.Next(3) > 0 && _json.TryEdit(input, other, out byte[]? edited) ? edited : Edit(input, other);
        return input.Length <= Repetition.MostBytes ? input : input[..Repetition.MostBytes];
    }

    private byte[] Edit(byte[] input, byte[] other)
    {
        int at = _random.Next(input.Length + 1), length = Math.Min(input.Length - at, Length());
        ReadOnlySpan<byte> block = input.AsSpan(at, length);
        switch (_random.Next(11))
        {
            case 0 when input.Length > at:
                return Spliced(input, at, 1, [(byte)(input[at] ^ (1 << _random.Next(8)))]);
            case 1:
                return Spliced(input, at, Math.Min(1, input.Length - at), [(byte)_random.Next(256)]);
            case 2:
                return Spliced(input, at, length, []);
            case 3:
                return Spliced(input, at, 0, Repeated(block, _repetition.Times(block.Length)));
            case 4:
                int from = _random.Next(other.Length + 1);
                return Spliced(input, at, length, other.AsSpan(from, Math.Min(other.Length - from, Length())));
            case 5 when _words.Length > 0:
                byte[] word = _words[_random.Next(_words.Length)];
                return Spliced(input, at, _random.Next(2) * length, Repeated(word, _random.Next(8) == 0 ? _repetition.Times(word.Length) : 1));
            case 6 when _nests.Length > 0:
                (byte[] open, byte[] close) = _nests[_random.Next(_nests.Length)];
                int times = _repetition.Times(open.Length + close.Length);
                return Spliced(input, at, length, [.. Repeated(open, times), .. block, .. Repeated(close, times)]);
            case 7 when _syntax != Syntax.Binary:
                return NumberChanged(input, at);
            case 7:
                byte[] number = BitConverter.GetBytes(s_extremes[_random.Next(s_extremes.Length)]);
                return Spliced(input, at, Math.Min(_random.Next(2) == 0 ? 4 : 8, input.Length - at), number.AsSpan(0, _random.Next(2) == 0 ? 4 : 8));
            case 8:
                return Spliced(input, _random.Next(input.Length + 1), 0, block);
            case 9 when _random.Next(8) == 0:
                return input[..at];
            default:
                return Spliced(input, at, 0, [(byte)_random.Next(256)]);
        }
    }

    private int Length() => _random.Next(1, 1 << _random.Next(1, 9));

    private byte[] NumberChanged(byte[] input, int at)
    {
        int begin = at;
        while (begin < input.Length && !char.IsAsciiDigit((char)input[begin])) begin++;
        int end = begin;
        while (end < input.Length && char.IsAsciiDigit((char)input[end])) end++;
        string number = _random.Next(2) == 0 ? s_numbers[_random.Next(s_numbers.Length)] : s_extremes[_random.Next(s_extremes.Length)].ToString(CultureInfo.InvariantCulture);
        return Spliced(input, begin, end - begin, Encoding.ASCII.GetBytes(number));
    }

    internal static byte[] Spliced(ReadOnlySpan<byte> input, int at, int length, ReadOnlySpan<byte> with) => [.. input[..at], .. with, .. input[(at + length)..]];

    internal static byte[] Repeated(ReadOnlySpan<byte> block, int times)
    {
        int most = Math.Min(times, Repetition.MostBytes / Math.Max(1, block.Length));
        byte[] repeated = new byte[most * block.Length];
        for (int i = 0; i < most; i++) block.CopyTo(repeated.AsSpan(i * block.Length));
        return repeated;
    }
}
