using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>What a folder's tokenizer is kept as.</summary>
internal enum TokenizerFileKind
{
    /// <summary>tokenizer.json.</summary>
    Json,

    /// <summary>tokenizer.model.</summary>
    SentencePiece,

    /// <summary>tokenizer.model or *.tiktoken.</summary>
    Tiktoken,
}

/// <summary>Finds the tokenizer of a Hugging Face folder.</summary>
internal static class TokenizerFile
{
    /// <exception cref="ModelFormatException">There is none.</exception>
    public static (TokenizerFileKind Kind, string Path) Find(string folder)
    {
        string json = Path.Combine(folder, "tokenizer.json"), pieces = Path.Combine(folder, "tokenizer.model");
        if (File.Exists(json)) return (TokenizerFileKind.Json, json);
        if (File.Exists(pieces)) return (TiktokenFile.Is(SmallFile.ReadBeginning(pieces, TiktokenFile.TellingBytes)) ? TokenizerFileKind.Tiktoken : TokenizerFileKind.SentencePiece, pieces);
        if (Directory.GetFiles(folder, "*.tiktoken") is [string ranks]) return (TokenizerFileKind.Tiktoken, ranks);
        throw new ModelFormatException(folder, "There is no tokenizer here: neither tokenizer.json nor tokenizer.model nor one *.tiktoken.");
    }
}
