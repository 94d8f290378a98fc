using System.Globalization;
using Coppice.Loading;
using Coppice.Server;

namespace Coppice.Cli.Serving;

/// <summary>Reads a file of API keys: a name, a secret and what the key may do, one key a line.</summary>
internal static class KeyFile
{
    /// <exception cref="UsageException">A line is not a key. The message does not show secrets.</exception>
    public static IEnumerable<ApiKey> Read(string? path)
    {
        if (path is null) yield break;
        int number = 0, keys = 0;
        foreach (string line in SmallFile.ReadText(path).Split('\n', StringSplitOptions.TrimEntries))
        {
            number++;
            string[] words = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0 || words[0].StartsWith('#')) continue;
            if (words.Length == 1) throw new UsageException($"{path} line {number} has one word; a key is a name and a secret, separated by a space.");
            keys++;
            yield return words[2..].Aggregate(new ApiKey(words[0], words[1]), (key, word) => With(key, word, $"{path} line {number}"));
        }

        if (keys == 0) throw new UsageException($"{path} has no keys; each line is a name and a secret, separated by a space.");
    }

    private static ApiKey With(ApiKey key, string word, string place)
    {
        string[] parts = word.Split('=', 2);
        string value = parts.Length == 2 ? parts[1] : "";
        return parts[0] switch
        {
            "weight" when float.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out float weight) && weight is > 0 and <= 1000 => key with { Weight = weight },
            "samples" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int samples) && samples > 0 => key with { Samples = samples },
            "requests-per-minute" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int rate) && rate > 0 => key with { RequestsPerMinute = rate },
            "publish" when parts.Length == 1 => key with { MayPublish = true },
            _ => throw new UsageException($"{place} says '{word}'; after name and secret may stand weight=NUMBER, samples=COUNT and requests-per-minute=COUNT, all above 0, and publish."),
        };
    }
}
