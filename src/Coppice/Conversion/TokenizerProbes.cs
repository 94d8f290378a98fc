namespace Coppice.Conversion;

/// <summary>Texts that tokenizers cut differently: contractions, numbers, runs of spaces and lines, punctuation, scripts. All composed (NFC).</summary>
internal static class TokenizerProbes
{
    public static IReadOnlyList<string> Texts { get; } =
    [
        "Hello world", " Hello  world   again    and     again", "I'm sure they're right; we'd say he'll go, you've SEEN IT'S DONE, I'M SURE THEY'RE HERE.",
        "1 12 123 1234 12345 1234567 3.14159 1,000,000 2024-01-31 0x1F a1b22c333", "line\nline\n\nline\n\n\nline\r\nline\r\n\r\n  indented\n\ttab\t\ttabs \n \n",
        "def f(x):\n    return x**2 + [i for i in range(10)]  # comment\n\n\nclass A:\n\tpass\n", "http://example.com/a?b=c&d=e#f user@example.org C:\\path\\file.txt",
        "$100 + 5% = <tag> ^~|`backtick` {curly} [square] (round) \"quoted\" 'single' ... !!! ??? --- ___ ///", "word.word,word;word:word!word?word-word_word/word\\word",
        "!\n!!\n?\n.\n;\n /\n//\n", "camelCase PascalCase snake_case SCREAMING_CASE mixedUP wORDS iPhone McDonald eBay", "naïve café Ünïcödé straße Ångström œuvre ½ ² ³ ① Ⅷ",
        "Привет, мир! Как дела? 2024 год", "你好，世界。今天天气很好！", "こんにちは世界。カタカナとひらがな 漢字", "안녕하세요 세계", "مرحبا بالعالم ١٢٣", "नमस्ते दुनिया १२३", "שלום עולם", "สวัสดีชาวโลก",
        "😀 👍🏽 👨‍👩‍👧 🇩🇪 ❤️ ✓ → ∑ ∞ ≠", "\u00a0non-breaking\u3000wide\u2003em\u200bzero", "\u00e1 combining x\u0323\u0302", "tab\tspace \tmixed  \t end  ", "\n", " ", "  ", "   \n   ", "a", "", "\t", "…—–“”‘’«»",
        "The quick brown fox jumps over the lazy dog. 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ", "don't DON'T Don'T 'tis 'twas o'clock rock'n'roll", "x=1;y=2;z=x+y;print(z)", "<0x0A> <s> </s> <unk> ▁ Ġ Ċ",
    ];
}
