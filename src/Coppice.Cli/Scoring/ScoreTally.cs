using System.Text.Json;

namespace Coppice.Cli.Scoring;

/// <summary>Right answers so far, by each way of ranking. One thread writes.</summary>
internal sealed class ScoreTally
{
    private readonly int[] _right = new int[Ranking.All.Count];

    /// <summary>Lines with a result that know the right continuation.</summary>
    public int Judged { get; private set; }

    public IEnumerable<(string Ranking, int Right)> Right => Ranking.All.Select((ranking, i) => (ranking.Name, _right[i]));

    public void Add(IReadOnlyList<Scored> scored, int answer)
    {
        Judged++;
        for (int i = 0; i < _right.Length; i++)
            if (Ranking.All[i].Best(scored) == answer) _right[i]++;
    }

    /// <summary>A line that an earlier run scored, from its result.</summary>
    public void Resume(JsonElement body)
    {
        if (!body.TryGetProperty("right", out JsonElement right) || right.ValueKind != JsonValueKind.Object) return;
        Judged++;
        for (int i = 0; i < _right.Length; i++)
            if (right.TryGetProperty(Ranking.All[i].Name, out JsonElement value) && value.ValueKind == JsonValueKind.True) _right[i]++;
    }
}
