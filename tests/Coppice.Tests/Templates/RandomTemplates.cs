using System.Globalization;
using System.Text;

namespace Coppice.Tests.Templates;

/// <summary>Templates out of the parts that Jinja has, put together at random: most of them render.</summary>
internal sealed class RandomTemplates(int seed)
{
    private static readonly string[] s_values =
    [
        "none_value", "yes", "no", "zero", "one", "neg", "big", "pi", "tiny", "huge", "whole", "empty", "text", "emoji", "words", "numbers", "nested", "mapping", "people", "quotes", "messages", "tools",
        "bos_token", "undefined_name", "x", "'a'", "'Ab c'", "''", "'<b>'", "'%s'", "'{}'", "' pad '", "'a,b,c'", "1", "0", "2", "-3", "2.5", "1e3", "none", "true", "false", "[]", "{}", "()", "[1, 2, 3]", "['b', 'a']",
        "{'k': 1, 'l': 'm'}", "(1, 'z')", "range(4)", "messages[0]", "messages[1].content", "people[0].name", "mapping.a", "words[0]", "numbers[-1]", "words[1:]", "text[:3]", "numbers[::-1]", "emoji[1:3:2]", "nested[-2:]", "2 ** 70", "'é'", "'10'", "'0x1f'", "[[1, 2], [3, 4]]", "[none, 1, '']",
    ];

    private static readonly string[] s_filters =
    [
        "abs", "batch(2) | list", "batch(2, 'f') | list", "capitalize", "center(9)", "count", "default('d')", "default('d', true)", "dictsort", "dictsort(by='value')", "e", "escape", "filesizeformat", "first", "float", "float(1.5)",
        "forceescape", "format('q')", "format(1)", "groupby('age')", "indent", "indent(2, true)", "int", "int(7)", "items | list", "join", "join(', ')", "join('-', attribute='name')", "last", "length", "list", "lower", "map('upper') | list",
        "map(attribute='name') | list", "map('string') | list", "map('int') | list", "max", "min", "reject('none') | list", "reject('odd') | list", "rejectattr('age') | list", "replace('a', 'bb')", "replace('b', '', 1)", "reverse | list", "round", "round(1)", "round(1, 'floor')",
        "safe", "select | list", "select('string') | list", "select('number') | list", "selectattr('role', 'equalto', 'user') | list", "selectattr('age') | list", "slice(2) | list", "sort", "sort(reverse=true)", "sort(attribute='name')", "string", "striptags", "sum", "title",
        "tojson", "tojson(indent=2)", "tojson(sort_keys=true)", "trim", "trim('a')", "truncate(8)", "truncate(5, true, '')", "unique | list", "upper", "urlencode", "wordcount", "wordwrap(5)", "wordwrap(4, false)", "xmlattr",
    ];

    private static readonly string[] s_tests =
    [
        "boolean", "callable", "defined", "divisibleby 2", "divisibleby(3)", "escaped", "even", "false", "float", "in [1, 'a']", "in 'abc'", "integer", "iterable", "lower", "mapping", "none", "number", "odd", "sameas none", "sequence",
        "string", "true", "undefined", "upper", "eq 1", "ne 'a'", "lt 2", "ge 1", "not none", "not defined", "equalto('a')",
    ];

    private static readonly string[] s_methods =
    [
        ".upper()", ".lower()", ".strip()", ".strip('a ')", ".lstrip()", ".split()", ".split(',')", ".split(',', 1)", ".rsplit(' ', 1)", ".replace('a', 'x')", ".startswith('a')", ".endswith(('c', 'b'))", ".title()", ".capitalize()",
        ".find('a')", ".count('a')", ".join(['x', 'y'])", ".format('v', k=2)", ".items()", ".keys()", ".values()", ".get('a')", ".get('zz', 5)", ".splitlines()", ".partition(' ')", ".zfill(5)", ".center(7, '*')", ".isdigit()", ".index(1)",
        ".copy()", "[0]", "[-1]", "['a']", ".a", ".name", ".zzz",
    ];

    private static readonly string[] s_operators = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "~", "~", "and", "or"];

    private readonly Random _random = new(seed);

    public string Next()
    {
        StringBuilder template = new();
        for (int i = _random.Next(1, 3); i > 0; i--) template.Append(Statement(2));
        return template.ToString();
    }

    private string Expression(int depth) => depth == 0 ? Pick(s_values) : _random.Next(12) switch
    {
        0 => Pick(s_values),
        1 or 2 or 3 => $"{Operand(depth - 1)} | {Pick(s_filters)}",
        4 or 5 => $"{Operand(depth - 1)}{Pick(s_methods)}",
        6 => $"{Operand(depth - 1)} is {Pick(s_tests)}",
        7 or 8 => $"{Operand(depth - 1)} {Pick(s_operators)} {Operand(depth - 1)}",
        9 => $"{Operand(depth - 1)} if {Operand(depth - 1)} else {Operand(depth - 1)}",
        10 => _random.Next(4) switch
        {
            0 => $"not {Operand(depth - 1)}",
            1 => $"-{Operand(depth - 1)}",
            2 => $"'%{Pick(["s", "5s", "-6s", "d", "05d", ".2f", "r", "x", "g", "e"])}' % {Operand(depth - 1)}",
            _ => $"'{{:{Pick(["", ">6", "<6", "^7", "05", "+", ",", ".2f", ".3", "x", "e", "g", "%", "*^8", "d", "n", "08,.1f", "_", "#x", "s"])}}}'.format({Operand(depth - 1)})",
        },
        _ => $"[{Expression(depth - 1)}, {Expression(depth - 1)}]",
    };

    private string Operand(int depth)
    {
        string value = Expression(depth);
        return depth == 0 ? value : $"({value})";
    }

    private string Statement(int depth)
    {
        string begin = Pick(["{%", "{%", "{%", "{%-", "{%+"]), end = Pick(["%}", "%}", "%}", "-%}", "+%}"]);
        return (depth == 0 ? _random.Next(3) : _random.Next(12)) switch
        {
            0 => Pick(["text", " ", "\n", "  \n  ", "\n\n  x\n", "\t", "a\r\n b"]),
            1 or 2 or 8 or 9 => $"{Pick(["{{", "{{-"])} {Expression(_random.Next(1, 4))} {Pick(["}}", "-}}"])}",
            3 => $"{begin} if {Expression(_random.Next(1, 3))} {end}{Statement(depth - 1)}{begin} else {end}{Statement(depth - 1)}{begin} endif {end}",
            4 => $"{begin} for x in {Expression(_random.Next(1, 3))}{Pick(["", "", " if x", " recursive"])} {end}{Statement(depth - 1)}{{{{ loop.{Pick(["index", "first", "last", "length", "revindex", "cycle('p', 'q')", "depth"])} }}}}{begin} else {end}none{begin} endfor {end}",
            5 => $"{begin} set x = {Expression(_random.Next(1, 3))} {end}{Statement(depth - 1)}",
            6 => $"{begin} set x {end}{Statement(depth - 1)}{begin} endset {end}[{{{{ x }}}}]",
            7 => string.Create(CultureInfo.InvariantCulture, $"{begin} macro m{depth}(x, y={Expression(1)}) {end}{Statement(depth - 1)}{{{{ y }}}}{begin} endmacro {end}{{{{ m{depth}({Expression(1)}) }}}}"),
            10 => $"{begin} filter {Pick(["upper", "trim", "replace('a', 'b')", "indent(1)"])} {end}{Statement(depth - 1)}{begin} endfilter {end}",
            _ => $"{Pick(["{#", "{#-"])} c {Pick(["#}", "-#}", "+#}"])}{Statement(depth - 1)}",
        };
    }

    private string Pick(string[] of) => of[_random.Next(of.Length)];
}
