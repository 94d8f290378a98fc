namespace Coppice.Templates;

/// <summary>The functions that every template sees.</summary>
internal static class Globals
{
    private const int LongestRange = 100_000;

    public static void AddTo(Scope scope)
    {
        Add("range", Range);
        Add("dict", Dict);
        Add("namespace", a =>
        {
            Namespace names = new();
            foreach ((object? key, object? value) in Dict(a).Pairs) names.Values[PythonText.Of(a.Run, key)] = value;
            return names;
        });
        Add("cycler", a => a.Positional.Count > 0 ? new Cycler(a.Positional) : throw a.Run.Fail("cycler needs something to cycle through."));
        Add("joiner", a => new Joiner(a.As("sep").Or(0, ", ")));
        Add("raise_exception", a => throw a.Run.Fail(PythonText.Of(a.Run, a.As("message")[0])));
        Add("strftime_now", a => TimeText.Format(a.As("format").Run, a.Text(0), a.Run.Now));

        void Add(string name, Func<Arguments, object?> call) => scope[name] = new Callable(name, call);
    }

    private static object Range(Arguments given)
    {
        given.As("start", "stop", "step");
        int start = given.Has(1) ? given.Int(0) : 0, stop = given.Has(1) ? given.Int(1) : given.Int(0), step = given.Int(2, 1);
        if (step == 0) throw given.Wrong(2, "a number that is not 0");
        long count = Math.Max(0, ((long)stop - start + step - Math.Sign(step)) / step);
        if (count > LongestRange) throw given.Run.Fail($"A range has at most {LongestRange} numbers; this one has {count}.");
        given.Run.Items(count);
        object?[] numbers = new object?[count];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = start + (long)i * step;
        return new Sequence(SequenceKind.Range, numbers) { Shown = step == 1 ? $"range({start}, {stop})" : $"range({start}, {stop}, {step})" };
    }

    private static Map Dict(Arguments given)
    {
        Map map = new();
        if (given.Positional.Count > 1) throw given.Run.Fail("dict takes one dict or list of pairs, and named values.");
        if (given.Positional is [Map from])
        {
            foreach ((object? key, object? value) in from.Pairs) map[key] = value;
        }
        else if (given.Positional is [var pairs])
        {
            foreach (object? pair in Iteration.Of(given.Run, pairs))
            {
                if (Iteration.Try(given.Run, pair) is not [var key, var value] || !Map.IsKey(key)) throw given.Run.Fail("dict needs pairs of a key and a value.");
                map[key] = value;
            }
        }
        foreach ((string name, object? value) in given.Named) map[name] = value;
        given.Run.Items(map.Count * 4L);
        return map;
    }
}
