using System.Numerics;

namespace Coppice.Templates;

/// <param name="value">What stands before 'is'.</param>
/// <param name="given">What it is compared with.</param>
internal delegate bool Test(object? value, Arguments given);

/// <summary>The tests by name.</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Test> s_tests = new(StringComparer.Ordinal)
    {
        ["boolean"] = (v, _) => v is bool,
        ["callable"] = (v, _) => v is Callable or Joiner or Undefined,
        ["defined"] = (v, _) => v is not Undefined,
        ["divisibleby"] = (v, a) => Leaves(v, a, a.As("num")[0], 0L),
        ["escaped"] = (v, _) => v is Markup,
        ["even"] = (v, a) => Leaves(v, a, 2L, 0L),
        ["false"] = (v, _) => v is false,
        ["filter"] = (v, _) => v is string name && Filters.TryFind(name, out Filter? found) && found is not null,
        ["float"] = (v, _) => v is double,
        ["in"] = (v, a) => Comparison.Contains(a.As("seq").Run, a[0], v),
        ["integer"] = (v, _) => v is long or BigInteger,
        ["iterable"] = (v, _) => v is Sequence or Map or string or Undefined,
        ["lower"] = (v, a) => PythonText.Of(a.Run, v) is var text && text.Any(char.IsLower) && !text.Any(char.IsUpper),
        ["mapping"] = (v, _) => v is Map,
        ["none"] = (v, _) => v is null,
        ["number"] = (v, _) => Arithmetic.IsNumber(v),
        ["odd"] = (v, a) => Leaves(v, a, 2L, 1L),
        ["sameas"] = (v, a) => ReferenceEquals(v, a.As("other")[0]) || (v is bool or long or string && v.Equals(a[0])),
        ["sequence"] = (v, _) => v is Map or string or Undefined or Sequence { Kind: SequenceKind.List or SequenceKind.Tuple or SequenceKind.Range },
        ["string"] = (v, _) => v is string,
        ["test"] = (v, _) => v is string name && s_tests!.ContainsKey(name),
        ["true"] = (v, _) => v is true,
        ["undefined"] = (v, _) => v is Undefined,
        ["upper"] = (v, a) => PythonText.Of(a.Run, v) is var text && text.Any(char.IsUpper) && !text.Any(char.IsLower),
        ["eq"] = Compares("=="),
        ["equalto"] = Compares("=="),
        ["=="] = Compares("=="),
        ["ne"] = Compares("!="),
        ["!="] = Compares("!="),
        ["lt"] = Compares("<"),
        ["lessthan"] = Compares("<"),
        ["<"] = Compares("<"),
        ["le"] = Compares("<="),
        ["<="] = Compares("<="),
        ["gt"] = Compares(">"),
        ["greaterthan"] = Compares(">"),
        [">"] = Compares(">"),
        ["ge"] = Compares(">="),
        [">="] = Compares(">="),
    };

    public static Test Find(Rendering run, string name) => s_tests.TryGetValue(name, out Test? test) ? test : throw run.Fail($"There is no test '{name}' here.");

    private static Test Compares(string symbol) => (value, given) => Comparisons.Holds(given.As("other").Run, symbol, value, given[0]);

    private static bool Leaves(object? value, Arguments given, object? by, long rest) => Comparison.Same(given.Run, Arithmetic.Apply(given.Run, "%", value, by), rest);
}
