using System.Security.Cryptography;

namespace Coppice.Fuzz.Running;

/// <summary>Where findings are kept: for each, TARGET/KEY-HASH has the input and TARGET/KEY-HASH.txt says why.</summary>
internal sealed class FindingFolder(string path, string target)
{
    private const int MostOfOneKey = 3;

    private readonly string _folder = Path.Combine(path, target);

    /// <summary>Findings there, those of earlier runs among them.</summary>
    public int Count => Directory.Exists(_folder) ? Directory.GetFiles(_folder, "*.txt").Length : 0;

    /// <summary>Keeps a finding, unless there are some of its key.</summary>
    public void Add(byte[] input, Finding finding)
    {
        Directory.CreateDirectory(_folder);
        if (Directory.GetFiles(_folder, $"{finding.Key}-*.txt").Length >= MostOfOneKey) return;
        string file = Path.Combine(_folder, $"{finding.Key}-{Convert.ToHexStringLower(SHA256.HashData(input))[..8]}");
        File.WriteAllBytes(file, input);
        File.WriteAllText(file + ".txt", $"""
            {finding.Message}

            To run it again, from the root of the project:
            dotnet run -c Release --project tests/Coppice.Fuzz -- replay {target} {file}

            """);
    }
}
