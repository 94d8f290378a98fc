namespace Coppice;

/// <summary>What special tokens have to do with a text that is encoded.</summary>
[Flags]
public enum Specials
{
    /// <summary>The text is only text: nothing is put around it, and "&lt;s&gt;" in it is three characters.</summary>
    None = 0,

    /// <summary>The model's tokens for the beginning and end of a text are put around it, where its configuration asks for them.</summary>
    Around = 1,

    /// <summary>Special tokens spelled out in the text are recognised.</summary>
    InText = 2,

    /// <summary>Both: how a prompt is encoded.</summary>
    All = Around | InText,
}
