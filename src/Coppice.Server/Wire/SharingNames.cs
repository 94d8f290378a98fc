using Coppice.KvCache;

namespace Coppice.Server.Wire;

/// <summary>What the wire and the metrics call ways of reading.</summary>
internal static class SharingNames
{
    public static string Of(NotShared reason) => reason switch
    {
        NotShared.OneRow => "one_row",
        NotShared.PartOfBlock => "part_of_block",
        NotShared.RowGroups => "row_groups",
        NotShared.Mode => "mode",
        NotShared.Approximate => "approximate",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "Unknown reason."),
    };

    public static string Of(TreeReading reading) => reading switch
    {
        TreeReading.None => "none",
        TreeReading.Together => "together",
        TreeReading.OneRow => Of(NotShared.OneRow),
        TreeReading.PartOfBlock => Of(NotShared.PartOfBlock),
        TreeReading.RowGroups => Of(NotShared.RowGroups),
        TreeReading.Mode => Of(NotShared.Mode),
        TreeReading.Approximate => Of(NotShared.Approximate),
        _ => throw new ArgumentOutOfRangeException(nameof(reading), reading, "Unknown reading."),
    };

    /// <summary>Such as 1, 3-4 or 129+.</summary>
    public static string Of(RowsTraffic rows) => rows.ToRows is not int to ? $"{rows.FromRows}+" : to == rows.FromRows ? $"{to}" : $"{rows.FromRows}-{to}";
}
