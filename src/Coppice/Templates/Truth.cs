using System.Numerics;

namespace Coppice.Templates;

/// <summary>What counts as true: what is not empty, zero, None or undefined.</summary>
internal static class Truth
{
    public static bool Of(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        BigInteger number => !number.IsZero,
        double number => number != 0,
        string text => text.Length > 0,
        Markup markup => markup.Text.Length > 0,
        Sequence { Kind: SequenceKind.Generator } => true,
        Sequence sequence => sequence.Items.Count > 0,
        Map map => map.Count > 0,
        _ => true,
    };
}

/// <summary>What messages call a value.</summary>
internal static class TypeName
{
    public static string Of(object? value) => value switch
    {
        null => "None",
        Undefined undefined => $"an undefined value ({undefined.Why})",
        bool => "a bool",
        long or BigInteger => "an int",
        double => "a float",
        string or Markup => "a str",
        Sequence sequence => sequence.Kind == SequenceKind.Tuple ? "a tuple" : sequence.Kind == SequenceKind.List ? "a list" : $"a {sequence.Kind.ToString().ToLowerInvariant()} view",
        Map => "a dict",
        Namespace => "a namespace",
        Callable callable => $"the function {callable.Name}",
        _ => "an object",
    };
}

/// <summary>Going through a value.</summary>
internal static class Iteration
{
    /// <summary>The items of a value, the names of a dict, the characters of a text.</summary>
    /// <exception cref="ChatTemplateException">It has none.</exception>
    public static IReadOnlyList<object?> Of(Rendering run, object? value) => Try(run, value) ?? throw run.Fail($"{TypeName.Of(value)} cannot be gone through; it must be a list, dict or text.");

    public static IReadOnlyList<object?>? Try(Rendering run, object? value)
    {
        IReadOnlyList<object?>? items = value switch
        {
            Sequence sequence => sequence.Use(),
            Map map => [.. map.Pairs.Select(p => p.Key)],
            string text => Characters(run, text),
            Markup markup => Characters(run, markup.Text),
            Undefined => [],
            _ => null,
        };
        if (items is not null) run.Items(items.Count / 4);
        return items;
    }

    private static object?[] Characters(Rendering run, string text)
    {
        run.Items(text.Length);
        object?[] characters = new object?[PythonText.Length(text)];
        for (int i = 0, at = 0; i < characters.Length; i++)
        {
            int end = PythonText.Next(text, at);
            characters[i] = text[at..end];
            at = end;
        }
        return characters;
    }
}
