using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace Coppice.Fuzz.Mutation;

/// <summary>Changes JSON so that it stays JSON: values are exchanged, repeated, nested and given to other names.</summary>
/// <param name="words">Values and names to put in. What begins with a letter is a name.</param>
/// <param name="random">Decides.</param>
/// <param name="repetition">Of this input.</param>
internal sealed class JsonMutation(IReadOnlyList<string> words, Random random, Repetition repetition)
{
    private static readonly string[] s_values =
    [
        "null", "true", "false", "0", "1", "-1", "1.5", "1e400", "-0.0", "9223372036854775808", "2147483648", "\"\"", "\"x\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[[]]", "[0]", "[\"x\"]", "{\"x\":{}}",
    ];

    // Half a surrogate pair, and a name that an escape spells.
    private static readonly string[] s_oddNames = ["\"\\ud800\"", "\"\\u0070rompt\"", "\"\\u0000\""];

    private readonly byte[][] _values = [.. s_values.Concat(words.Where(word => !char.IsAsciiLetter(word[0]) && word[0] is not ('$' or '_'))).Select(Encoding.UTF8.GetBytes)];
    private readonly string[] _names = [.. words.Where(word => char.IsAsciiLetter(word[0]) || word[0] is '$' or '_'), "", "x"];
    private readonly List<Part> _parts = [], _otherParts = [];

    /// <summary>Bytes [Begin, End) of a value; of the value and its name from NameBegin on where it is a property.</summary>
    private readonly record struct Part(int Begin, int End, int NameBegin, bool IsItem);

    /// <summary>False: there is no JSON to change.</summary>
    public bool TryEdit(byte[] input, byte[] other, [NotNullWhen(true)] out byte[]? edited)
    {
        edited = null;
        Find(input, _parts);
        if (_parts.Count == 0) return false;
        Part part = _parts[random.Next(_parts.Count)];
        bool isProperty = part.NameBegin >= 0;
        ReadOnlySpan<byte> value = input.AsSpan(part.Begin..part.End);
        switch (random.Next(8))
        {
            case 0:
                edited = Mutator.Spliced(input, part.Begin, value.Length, _values[random.Next(_values.Length)]);
                break;
            case 1:
                Find(other, _otherParts);
                if (_otherParts.Count == 0) return false;
                Part taken = _otherParts[random.Next(_otherParts.Count)];
                edited = Mutator.Spliced(input, part.Begin, value.Length, other.AsSpan(taken.Begin..taken.End));
                break;
            case 2:
                string nest = random.Next(2) == 0 ? "[" : $"{{{Name()}:";
                int times = repetition.Times(nest.Length + 1);
                edited = Mutator.Spliced(input, part.Begin, value.Length, [.. Mutator.Repeated(Encoding.UTF8.GetBytes(nest), times), .. value, .. Mutator.Repeated(nest == "[" ? "]"u8 : "}"u8, times)]);
                break;
            case 3 when part.IsItem:
                edited = Mutator.Spliced(input, part.End, 0, Mutator.Repeated([(byte)',', .. value], repetition.Times(value.Length + 1)));
                break;
            case 3 when isProperty:
                edited = Mutator.Spliced(input, part.End, 0, Properties(value));
                break;
            case 4 when isProperty:
                edited = Mutator.Spliced(input, part.NameBegin, part.Begin - part.NameBegin, Encoding.UTF8.GetBytes($"{Name()}:"));
                break;
            case 5 when isProperty:
                edited = Mutator.Spliced(input, part.End, 0, Encoding.UTF8.GetBytes($",{Name()}:{Encoding.UTF8.GetString(_values[random.Next(_values.Length)])}"));
                break;
            case 6 when value[0] == (byte)'{' && value.Length > 2:
                Find(other, _otherParts);
                edited = Mutator.Spliced(input, part.Begin + 1, 0, [.. Encoding.UTF8.GetBytes($"{Name()}:"), .. Other(other), (byte)',']);
                break;
            case 7 when part.IsItem || isProperty:
                int begin = isProperty ? part.NameBegin : part.Begin, end = part.End;
                // With the comma on one of its sides, so that what is left is still a list.
                if (end < input.Length && input[end] == (byte)',') end++;
                else if (input[begin - 1] == (byte)',') begin--;
                edited = Mutator.Spliced(input, begin, end - begin, []);
                break;
        }
        return edited is not null;
    }

    private ReadOnlySpan<byte> Other(byte[] other)
    {
        if (_otherParts.Count == 0) return _values[random.Next(_values.Length)];
        Part taken = _otherParts[random.Next(_otherParts.Count)];
        return other.AsSpan(taken.Begin..taken.End);
    }

    private byte[] Properties(ReadOnlySpan<byte> value)
    {
        string name = _names[random.Next(_names.Length)];
        int times = repetition.Times(value.Length + name.Length + 10);
        StringBuilder added = new();
        for (int i = 0; i < times && added.Length < Repetition.MostBytes; i++) added.Append($",{JsonSerializer.Serialize($"{name}{i}")}:{Encoding.UTF8.GetString(value)}");
        return Encoding.UTF8.GetBytes(added.ToString());
    }

    private string Name() => random.Next(16) == 0 ? s_oddNames[random.Next(s_oddNames.Length)] : JsonSerializer.Serialize(_names[random.Next(_names.Length)]);

    /// <summary>The values of the first JSON text in the input, up to where it is wrong.</summary>
    private static void Find(byte[] input, List<Part> parts)
    {
        parts.Clear();
        int from = input.AsSpan().IndexOfAny((byte)'{', (byte)'[');
        if (from < 0) return;
        Utf8JsonReader reader = new(input.AsSpan(from), new JsonReaderOptions { MaxDepth = 512 });
        Stack<(int Begin, int Name, bool InList)> open = new();
        int name = -1;
        bool inList = false;
        try
        {
            while (reader.Read())
            {
                int begin = from + (int)reader.TokenStartIndex;
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        name = begin;
                        break;
                    case JsonTokenType.StartArray or JsonTokenType.StartObject:
                        open.Push((begin, name, inList));
                        (name, inList) = (-1, reader.TokenType == JsonTokenType.StartArray);
                        break;
                    case JsonTokenType.EndArray or JsonTokenType.EndObject:
                        (int start, int named, inList) = open.Pop();
                        parts.Add(new Part(start, from + (int)reader.BytesConsumed, named, inList));
                        name = -1;
                        break;
                    default:
                        parts.Add(new Part(begin, from + (int)reader.BytesConsumed, name, inList));
                        name = -1;
                        break;
                }
            }
        }
        catch (JsonException)
        {
            // What was found before is enough.
        }
    }
}
