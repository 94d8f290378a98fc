namespace Coppice.Tokens;

/// <summary>
/// The ids that a tokenizer has tokens for: [0, End) but for the gaps. A model may have rows for more: checkpoints are padded to round numbers,
/// and nothing was ever learnt of those rows.
/// </summary>
/// <param name="end">One beyond the last.</param>
/// <param name="gaps">Ids below it without a token, rising.</param>
internal sealed class TokenIds(int end, params int[] gaps)
{
    public int End => end;

    public ReadOnlySpan<int> Gaps => gaps;

    /// <summary>How many there are.</summary>
    public int Count => end - gaps.Length;

    public bool Has(int id) => (uint)id < (uint)end && Array.BinarySearch(gaps, id) < 0;

    /// <summary>What is wrong with an id, to go on after it in an error; null: nothing.</summary>
    public string? Refusal(int id) => Has(id) ? null
        : id < 0 ? "which is below 0"
        : id >= end ? $"which is beyond the tokenizer's {end} tokens, 0 to {end - 1}"
        : "an id that the tokenizer has no token for";
}
