namespace Coppice.Constraints.Schemas;

/// <summary>Languages of plain texts of numbers, digit by digit.</summary>
internal static class NumberLanguage
{
    /// <summary>Digits of a whole number at most; 64 bits have 20.</summary>
    public const int WholeDigits = 20;

    /// <summary>Digits of other numbers together: so many that numbers which differ stay different as floating point of 64 bits.</summary>
    public const int Digits = 15;

    /// <summary>States that a multiple's automaton may have.</summary>
    public const int MaxStep = 10_000;

    // These are made once for the process: a slow moment must not refuse them for ever.
    private static BuildBudget Unhurried => new() { MaxTime = Timeout.InfiniteTimeSpan };

    /// <summary>Whole numbers.</summary>
    public static readonly TextLanguage Whole = Pattern($@"0|-?[1-9]\d{{0,{WholeDigits - 1}}}");

    private static readonly TextLanguage s_fractions = Pattern(string.Join('|', Enumerable.Range(1, Digits - 1).Select(whole => $@"-?{(whole == 1 ? @"\d" : $@"[1-9]\d{{{whole - 1}}}")}\.\d{{0,{Digits - whole - 1}}}[1-9]")));

    /// <summary>All plain texts of the lengths that are produced.</summary>
    public static readonly TextLanguage Plain = Whole.Or(s_fractions, Unhurried);

    /// <summary>Whole numbers that fit 64 bits whatever their digits are.</summary>
    public static readonly TextLanguage Short = Pattern($@"0|-?[1-9]\d{{0,{JsonRules.IntegerDigits - 1}}}").Or(s_fractions, Unhurried);

    public static TextLanguage Above(NumberBound bound, BuildBudget budget)
    {
        if (!bound.At.IsNegative && (!bound.At.IsZero || bound.IsOpen)) return bound.At.WholeDigits > WholeDigits ? TextLanguage.Nothing : Pattern(Beyond(bound.At, orEqual: !bound.IsOpen), budget);
        return Without("-", bound, budget);
    }

    public static TextLanguage Below(NumberBound bound, BuildBudget budget)
    {
        if (bound.At.IsNegative) return bound.At.WholeDigits > WholeDigits ? TextLanguage.Nothing : Pattern($"-(?:{Beyond(bound.At, orEqual: !bound.IsOpen)})", budget);
        return Without("", bound, budget);
    }

    /// <summary>Numbers that a step divides: the remainder of the digits so far is the state, and how many came after the point.</summary>
    public static TextLanguage Multiples(NumberStep step, BuildBudget budget)
    {
        // Remainders are of the number times 10^Decimals. State 0 is the start, 1 comes after the sign, then remainders for each count of decimals.
        int m = step.Digits, places = step.Decimals == 0 ? 0 : step.Decimals + 1;
        const int Sign = 0, Point = 1, FirstDigit = 2, Classes = 12, Heads = 2;
        Alphabet alphabet = Alphabet.Of([CharSet.Of('-'), CharSet.Of('.'), .. Enumerable.Range(0, 10).Select(digit => CharSet.Of((char)('0' + digit)))], budget);
        int[] classOf = [.. "-.0123456789".Select(c => alphabet.ClassOf(c))];
        int states = Heads + (m * (places + 1)), k = alphabet.Count;
        budget.Nodes(states);
        budget.Bytes(8L * states * k);
        int[] next = new int[states * k];
        bool[] accepts = new bool[states];
        Array.Fill(next, Dfa.None);
        for (int head = 0; head < Heads; head++)
        {
            if (head == 0) next[classOf[Sign]] = 1;
            for (int digit = 0; digit < 10; digit++) next[(head * k) + classOf[FirstDigit + digit]] = State(0, digit % m);
        }
        for (int place = 0; place <= places; place++)
        {
            for (int rest = 0; rest < m; rest++)
            {
                // place 0: before the point; place p: after p - 1 decimals. What is left to come counts as zeros.
                int at = State(place, rest), missing = step.Decimals - Math.Max(0, place - 1);
                accepts[at] = (int)(rest * System.Numerics.BigInteger.ModPow(10, missing, m) % m) == 0;
                if (place == 0 && places > 0) next[(at * k) + classOf[Point]] = State(1, rest);
                if (place == places && place > 0) continue;
                for (int digit = 0; digit < 10; digit++)
                {
                    next[(at * k) + classOf[FirstDigit + digit]] = State(place == 0 ? 0 : place + 1, (int)(((10L * rest) + digit) % m));
                }
            }
        }
        System.Diagnostics.Debug.Assert(classOf.Length == Classes);
        return TextLanguage.Of(Dfa.Of(alphabet, next, accepts, budget));

        int State(int place, int rest) => Heads + (place * m) + rest;
    }

    /// <summary>All but those with this sign and a magnitude beyond the bound.</summary>
    private static TextLanguage Without(string sign, NumberBound bound, BuildBudget budget) =>
        bound.At.WholeDigits > WholeDigits ? Plain : Plain.Except(Pattern($"{sign}(?:{Beyond(bound.At, orEqual: bound.IsOpen)})", budget), budget);

    /// <summary>Magnitudes above a bound, or from it on.</summary>
    private static string Beyond(Decimal10 bound, bool orEqual)
    {
        const string AnyFraction = @"(?:\.\d+)?";
        string whole = bound.Whole, fraction = bound.Fraction;
        List<string> ways = [$@"[1-9]\d{{{whole.Length},}}{AnyFraction}"];
        for (int i = 0; i < whole.Length; i++)
            if (whole[i] < '9') ways.Add($@"{whole[..i]}[{(char)(whole[i] + 1)}-9]\d{{{whole.Length - i - 1}}}{AnyFraction}");
        for (int i = 0; i < fraction.Length; i++)
            if (fraction[i] < '9') ways.Add($@"{whole}\.{fraction[..i]}[{(char)(fraction[i] + 1)}-9]\d*");
        ways.Add(fraction.Length > 0 ? $@"{whole}\.{fraction}\d*[1-9]" : $@"{whole}\.\d*[1-9]");
        if (orEqual) ways.Add(fraction.Length > 0 ? $@"{whole}\.{fraction}" : whole);
        return string.Join('|', ways);
    }

    private static TextLanguage Pattern(string pattern, BuildBudget? budget = null) => TextLanguage.FromWholePattern(pattern, "a number", budget ?? Unhurried);
}
