using System.Text;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// Translates a JSON Schema to rules. A goal is what a value must reach, a set of schemas that it fits or does not; goals become, type by type, sets
/// of values, and these become expressions. Arrays and objects are rules, one for each goal, which recursion calls.
/// </summary>
internal sealed class SchemaReader
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly JsonRules _rules = new();
    private readonly SchemaTable _table;
    private readonly GoalProbe _probe;
    private readonly AtomWalk _atoms;
    private readonly NumberWalk _numbers;
    private readonly StringWalk _strings;
    private readonly ArrayWalk _arrays;
    private readonly ObjectWalk _objects;
    private readonly SchemaTypeHints _hints;
    private readonly ScalarWriter _scalars;
    private readonly ArrayWriter _arrayWriter;
    private readonly ObjectWriter _objectWriter;
    private readonly Dictionary<Goal, Expr> _written = [];
    private readonly HashSet<Goal> _open = [];
    private readonly Queue<(int Rule, Goal Goal)> _waiting = new();

    private SchemaReader(JsonElement document, SchemaStrictness strictness, BuildBudget budget)
    {
        _table = new SchemaTable(document, strictness, budget);
        GoalProbe probe = _probe = new(_table);
        _atoms = new AtomWalk(_table);
        _numbers = new NumberWalk(_table);
        _strings = new StringWalk(_table);
        _arrays = new ArrayWalk(_table, probe);
        _objects = new ObjectWalk(_table, probe, _strings);
        probe.Rules.AddRange([
            goal => !_atoms.Of(goal).Words.Any(),
            goal => _strings.Of(goal).IsVoid(budget),
            goal => _numbers.Of(goal).IsVoid,
            goal => _objects.IsVoid(goal),
            goal => _arrays.IsVoid(goal)]);
        probe.List = Listed;
        _hints = new SchemaTypeHints(_table);
        _scalars = new ScalarWriter(_rules, budget);
        _arrayWriter = new ArrayWriter(_table, probe, _rules, Write, Listed);
        _objectWriter = new ObjectWriter(_table, probe, _rules, Write);
    }

    /// <summary>The rules, root first, and what was left out.</summary>
    public static (IReadOnlyList<(string Name, Expr Body)> Rules, IReadOnlyList<string> Warnings) Read(string json, SchemaStrictness strictness, BuildBudget budget)
    {
        ConstraintLimits.CheckLength("schema", json);
        try
        {
            using JsonDocument document = Parse(json);
            SchemaReader reader = new(document.RootElement, strictness, budget);
            Goal root = reader._table.Goal(reader._table.Root);
            reader.RefuseContradiction(root);
            reader._rules.Set(0, reader.Write(root));
            while (reader._waiting.TryDequeue(out (int Rule, Goal Goal) next)) reader._rules.Set(next.Rule, reader.Body(next.Goal));
            return (reader._rules.Rules, [.. reader._table.Warnings]);
        }
        catch (JsonException e)
        {
            throw new InvalidRequestException(JsonFault.Of("The schema", e));
        }
    }

    /// <summary>The document, all of whose texts can be had.</summary>
    private static JsonDocument Parse(string json)
    {
        const int depth = 2 * ConstraintLimits.Nesting;
        try
        {
            byte[] utf8 = s_utf8.GetBytes(json);
            Utf8JsonReader reader = new(utf8, new JsonReaderOptions { MaxDepth = depth });
            while (reader.Read())
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) reader.GetString();
            return JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = depth });
        }
        catch (Exception e) when (e is InvalidOperationException or EncoderFallbackException)   // a surrogate without its other half, escaped or not
        {
            throw new InvalidRequestException("The schema has a text with half a surrogate pair (U+D800 to U+DFFF); texts must be Unicode.");
        }
    }

    /// <summary>Refuses a goal that certainly no value reaches, by the schema in it that rules all out.</summary>
    private void RefuseContradiction(Goal goal)
    {
        Hint hint = goal == _table.False ? Hint.None : _hints.Of(goal);
        bool isVoid = hint == Hint.None ? _probe.IsVoid(goal) : (hint == Hint.Array || _objects.IsVoid(goal)) && (hint == Hint.Object || _arrays.IsVoid(goal));
        if (!isVoid) return;
        Goal at = goal;
        SchemaPath path = _table.Root.Path;
        while (at.Literals is [>= 0 and int first, ..])
        {
            path = _table[first].Path;
            if (_objects.Of(at) is not [ObjectShape shape] || shape.Required.FirstOrDefault(name => _probe.IsVoid(shape.GoalOf(name, _table))) is not string name) break;
            at = shape.GoalOf(name, _table);
            if (at == _table.False) throw path.Wrong($"no value fits it: '{(name.Length > 60 ? name[..57] + "..." : name)}' is required and ruled out");
        }
        throw path.Wrong("no value fits it; what it asks for contradicts itself");
    }

    /// <summary>Values that reach the goal. Arrays and objects become a rule, whose body comes later.</summary>
    private Expr Write(Goal goal)
    {
        if (goal == _table.True) return _rules.AnyValue;
        if (goal == _table.False) return Expr.Nothing;
        if (_written.TryGetValue(goal, out Expr? written)) return written;
        Schema schema = _table[goal.Literals[0]];
        if (!_open.Add(goal)) throw _table.ComesBack(schema);
        _table.Enter(schema);
        try
        {
            return _written[goal] = Alternatives(goal, schema) is { } goals ? Expr.Choice([.. goals.Distinct().Select(Write)]) : HasParts(goal) ? Reserve(goal, schema) : Body(goal);
        }
        finally
        {
            _table.Leave();
            _open.Remove(goal);
        }
    }

    private CallExpr Reserve(Goal goal, Schema schema)
    {
        int rule = _rules.Reserve(schema.Path.ToString());
        _waiting.Enqueue((rule, goal));
        return new CallExpr(rule);
    }

    private bool HasParts(Goal goal)
    {
        Hint hint = _hints.Of(goal);
        return (hint != Hint.Array && _objects.Of(goal).Count > 0) || (hint != Hint.Object && _arrays.Of(goal).Count > 0);
    }

    /// <summary>Where nothing is asked for but one of several, and arrays or objects are among them: the goals of these.</summary>
    private IEnumerable<Goal>? Alternatives(Goal goal, Schema schema)
    {
        if (goal.Literals.Length > 1 || (goal.Literals[0] & 1) == 0) return null;
        if (schema.Alternatives is { } made) return made.Select(way => _table.Goal(way));
        if (schema.KeywordCount > 1) return null;
        if (schema["$ref"] is SchemaPart reference) return [_table.Goal(_table.Referenced(schema, reference))];
        if (schema["anyOf"] is not SchemaPart list || !HasParts(goal)) return null;
        return _table.AllInside(schema, list).Select(way => _table.Goal(way));
    }

    private Expr Body(Goal goal)
    {
        Hint hint = _hints.Of(goal);
        List<Expr> ways = [];
        if (hint != Hint.Array) ways.AddRange(_objects.Of(goal).Select(_objectWriter.Write));
        if (hint != Hint.Object) ways.AddRange(_arrays.Of(goal).Select(_arrayWriter.Write));
        if (hint == Hint.None)
        {
            ways.AddRange(_scalars.Write(_strings.Of(goal)));
            ways.AddRange(_scalars.Write(_numbers.Of(goal)));
            ways.AddRange(_scalars.Write(_atoms.Of(goal)));
        }
        return Expr.Choice(ways);
    }

    /// <summary>The texts of all values that reach the goal; null if they are not listed.</summary>
    private IReadOnlyList<string>? Listed(Goal goal)
    {
        StringSet strings = _strings.Of(goal);
        NumberSet numbers = _numbers.Of(goal);
        if (strings.Texts is null || numbers.List is null || _objects.Of(goal).Count > 0 || _arrays.Of(goal).Count > 0) return null;
        return [.. strings.Texts.Select(JsonRules.TextOf), .. numbers.List.Keys, .. _atoms.Of(goal).Words];
    }
}
