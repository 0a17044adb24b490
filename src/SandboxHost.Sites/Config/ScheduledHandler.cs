using Acornima.Ast;

namespace SandboxHost.Sites.Config;

/// <summary>
/// Finds the schedule that a module gives its handler with the helper of @netlify/functions: <c>handler = schedule("@daily", …)</c>,
/// under whatever name the helper was imported or required.
/// </summary>
internal static class ScheduledHandler
{
    private const string Package = "@netlify/functions";
    private const string Helper = "schedule";

    /// <param name="handler">The exported handler.</param>
    /// <param name="resolve">Follows a name to what was assigned to it.</param>
    /// <exception cref="FormatException">The helper is imported, but there is no schedule to be read.</exception>
    public static string? Find(Program tree, Node? handler, Func<Node?, Node?> resolve)
    {
        var (helpers, packages) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        foreach (var statement in tree.Body)
        {
            ReadNames(statement, helpers, packages);
        }

        if (resolve(handler) is CallExpression call && IsHelper(call.Callee, helpers, packages))
        {
            return call.Arguments.Count > 0 && resolve(call.Arguments[0]) is StringLiteral or TemplateLiteral { Expressions.Count: 0 }
                ? TextOf(resolve(call.Arguments[0])!)
                : throw new FormatException("The first argument of `schedule` has to be a text in this file: config is read without running the module.");
        }

        return helpers.Count == 0
            ? null
            : throw new FormatException("The `schedule` helper is imported, but the exported handler is not made by it.");
    }

    private static void ReadNames(Statement statement, HashSet<string> helpers, HashSet<string> packages)
    {
        if (statement is ImportDeclaration { Source.Value: Package } import)
        {
            foreach (var specifier in import.Specifiers)
            {
                var isHelper = specifier is ImportSpecifier named && ModuleConfigReader.NameOf(named.Imported) == Helper;
                if (isHelper || specifier is not ImportSpecifier)
                {
                    (isHelper ? helpers : packages).Add(specifier.Local.Name);
                }
            }
        }

        if (statement is VariableDeclaration variables)
        {
            foreach (var declarator in variables.Declarations.Where(declarator => IsRequire(declarator.Init)))
            {
                ReadRequired(declarator.Id, helpers, packages);
            }
        }
    }

    private static void ReadRequired(Node target, HashSet<string> helpers, HashSet<string> packages)
    {
        if (target is Identifier name)
        {
            packages.Add(name.Name);
        }

        foreach (var member in (target as ObjectPattern)?.Properties.OfType<AssignmentProperty>() ?? [])
        {
            if (ModuleConfigReader.NameOf(member.Key) == Helper && member.Value is Identifier local)
            {
                helpers.Add(local.Name);
            }
        }
    }

    private static bool IsRequire(Expression? value) =>
        value is CallExpression { Callee: Identifier { Name: "require" }, Arguments: [StringLiteral { Value: Package }] };

    private static bool IsHelper(Expression callee, HashSet<string> helpers, HashSet<string> packages) => callee switch
    {
        Identifier name => helpers.Contains(name.Name),
        MemberExpression { Computed: false, Object: Identifier package } member => packages.Contains(package.Name) && ModuleConfigReader.NameOf(member.Property) == Helper,
        MemberExpression { Computed: false, Object: CallExpression required } member => IsRequire(required) && ModuleConfigReader.NameOf(member.Property) == Helper,
        _ => false,
    };

    private static string TextOf(Node node) => node is TemplateLiteral template ? template.Quasis[0].Value.Cooked ?? "" : ((StringLiteral)node).Value;
}
