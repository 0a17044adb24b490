using Acornima;
using Acornima.Ast;

namespace SandboxHost.Sites.Config;

/// <summary>What a module says about itself, found without running it.</summary>
/// <param name="Config">The literal members of its config: strings, numbers, booleans, null, lists and maps of them.</param>
/// <param name="Ignored">Members of the config that are not literals and therefore count for nothing.</param>
/// <param name="HasDefault">It has a default export.</param>
/// <param name="HasHandler">It has an export called handler: the older AWS Lambda form.</param>
/// <param name="Schedule">What the helper <c>schedule(cron, handler)</c> of @netlify/functions was given for the handler; null without it.</param>
/// <param name="DefaultMembers">The names of the members of a default-exported object; platform events are found by them.</param>
public sealed record ModuleExports(
    IReadOnlyDictionary<string, object?> Config,
    IReadOnlyList<string> Ignored,
    bool HasDefault,
    bool HasHandler,
    string? Schedule,
    IReadOnlyList<string> DefaultMembers);

/// <summary>
/// Reads exports and config from a function's own file by looking at its syntax tree (reference §2.1): only literals count,
/// a named export "config" wins over the "config" of a default-exported object. ES and CommonJS modules.
/// </summary>
public static class ModuleConfigReader
{
    // No config that means something is nested this deeply.
    private const int MaxDepth = 32;

    /// <param name="module">JavaScript, without types.</param>
    /// <exception cref="FormatException">The text is no module, or it uses the schedule helper in a way that can't be read; the message says where.</exception>
    public static ModuleExports Read(string module)
    {
        var tree = Parse(module);
        var variables = new Dictionary<string, Expression>(StringComparer.Ordinal);
        var exports = new Dictionary<string, Node?>(StringComparer.Ordinal);
        foreach (var statement in tree.Body)
        {
            switch (statement)
            {
                case VariableDeclaration declaration:
                    Declare(declaration, variables);
                    break;
                case ExportDefaultDeclaration exported:
                    exports["default"] = exported.Declaration;
                    break;
                case ExportNamedDeclaration exported:
                    Export(exported, variables, exports);
                    break;
                case NonSpecialExpressionStatement { Expression: AssignmentExpression assignment }:
                    CommonJsExports.Read(assignment, exports, node => Resolve(node, variables));
                    break;
                default:
                    break;
            }
        }

        var ignored = new List<string>();
        var config = ConfigOf(exports, variables, ignored);
        var isModern = exports.ContainsKey("default") && !exports.ContainsKey("handler");
        var schedule = isModern ? null : ScheduledHandler.Find(tree, exports.GetValueOrDefault("handler"), node => Resolve(node, variables));
        return new ModuleExports(
            config is null ? new Dictionary<string, object?>(StringComparer.Ordinal) : ReadMembers(config, ignored, MaxDepth),
            ignored,
            exports.ContainsKey("default"),
            exports.ContainsKey("handler"),
            schedule,
            [.. MembersOfDefault(exports, variables).Select(member => NameOf(member.Key))]);
    }

    private static Program Parse(string module)
    {
        try
        {
            return new Parser(new ParserOptions { EcmaVersion = EcmaVersion.Latest, AllowTopLevelUsing = true, Tolerant = true }).ParseModule(module);
        }
        catch (ParseErrorException ex)
        {
            // A CommonJS module may hold what an ES module must not: `with`, octal numbers, a return outside of functions.
            return ParseScript(module) ?? throw new FormatException(ex.Message, ex);
        }
        catch (InsufficientExecutionStackException ex)
        {
            // The parser looks at the stack before it goes deeper: hostile nesting ends here and not with the process.
            throw new FormatException("The module is nested too deeply to be read.", ex);
        }
    }

    private static Script? ParseScript(string module)
    {
        try
        {
            var options = new ParserOptions { EcmaVersion = EcmaVersion.Latest, AllowReturnOutsideFunction = true, Tolerant = true };
            return new Parser(options).ParseScript(module);
        }
        catch (Exception ex) when (ex is ParseErrorException or InsufficientExecutionStackException)
        {
            return null;
        }
    }

    private static void Declare(VariableDeclaration declaration, Dictionary<string, Expression> variables)
    {
        foreach (var declarator in declaration.Declarations)
        {
            if (declarator is { Id: Identifier name, Init: { } value })
            {
                variables[name.Name] = value;
            }
        }
    }

    private static void Export(ExportNamedDeclaration exported, Dictionary<string, Expression> variables, Dictionary<string, Node?> exports)
    {
        if (exported.Declaration is VariableDeclaration declaration)
        {
            Declare(declaration, variables);
            foreach (var declarator in declaration.Declarations)
            {
                if (declarator.Id is Identifier name)
                {
                    exports[name.Name] = name;
                }
            }
        }

        if (exported.Declaration is IFunction { Id: { } function })
        {
            exports[function.Name] = exported.Declaration;
        }

        if (exported.Declaration is ClassDeclaration { Id: { } type })
        {
            exports[type.Name] = exported.Declaration;
        }

        foreach (var specifier in exported.Specifiers)
        {
            exports[NameOf(specifier.Exported)] = specifier.Local;
        }
    }

    /// <summary>A member's or an export's name; empty when it is computed.</summary>
    internal static string NameOf(Node? name) => name switch
    {
        Identifier identifier => identifier.Name,
        StringLiteral text => text.Value,
        _ => "",
    };

    private static ObjectExpression? ConfigOf(Dictionary<string, Node?> exports, Dictionary<string, Expression> variables, List<string> ignored)
    {
        if (!exports.TryGetValue("config", out var written))
        {
            written = MembersOfDefault(exports, variables).FirstOrDefault(member => NameOf(member.Key) == "config")?.Value;
            if (written is null)
            {
                return null;
            }
        }

        if (Resolve(written, variables) is ObjectExpression config)
        {
            return config;
        }

        // Imported, or made by a call: nothing of it is known.
        ignored.Add("");
        return null;
    }

    private static IEnumerable<Property> MembersOfDefault(Dictionary<string, Node?> exports, Dictionary<string, Expression> variables) =>
        exports.TryGetValue("default", out var exported) && Resolve(exported, variables) is ObjectExpression members
            ? members.Properties.OfType<Property>().Where(member => !member.Computed)
            : [];

    private static Node? Resolve(Node? node, Dictionary<string, Expression> variables)
    {
        // A chain of names is short; a cycle among them is no legal program.
        for (var i = 0; i < 8 && node is Identifier name && variables.TryGetValue(name.Name, out var value); i++)
        {
            node = value;
        }

        return node;
    }

    private static Dictionary<string, object?> ReadMembers(ObjectExpression config, List<string> ignored, int depth)
    {
        var members = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var member in config.Properties)
        {
            if (member is Property { Computed: false, Key: Expression key, Value: Expression value })
            {
                var name = NameOf(key);
                if (TryRead(value, depth - 1, out var literal))
                {
                    members[name] = literal;
                }
                else
                {
                    ignored.Add(name);
                }
            }
        }

        return members;
    }

    private static bool TryRead(Expression expression, int depth, out object? value)
    {
        value = null;
        switch (expression)
        {
            case StringLiteral text:
                value = text.Value;
                return true;
            case NumericLiteral number:
                value = number.Value;
                return true;
            case BooleanLiteral truth:
                value = truth.Value;
                return true;
            case NullLiteral:
                return true;
            case TemplateLiteral { Expressions.Count: 0 } template:
                value = template.Quasis[0].Value.Cooked;
                return true;
            case UnaryExpression { Operator: Operator.UnaryNegation, Argument: NumericLiteral number }:
                value = -number.Value;
                return true;
            case UnaryExpression { Operator: Operator.LogicalNot, Argument: NumericLiteral number }:
                value = number.Value == 0;
                return true;
            case ArrayExpression array when depth > 0:
                return TryReadList(array, depth, out value);
            case ObjectExpression map when depth > 0:
                var ignored = new List<string>();
                value = ReadMembers(map, ignored, depth);
                return ignored.Count == 0;
            default:
                return false;
        }
    }

    private static bool TryReadList(ArrayExpression array, int depth, out object? value)
    {
        var list = new List<object?>();
        value = list;
        foreach (var element in array.Elements)
        {
            if (element is null || !TryRead(element, depth - 1, out var item))
            {
                return false;
            }

            list.Add(item);
        }

        return true;
    }
}
