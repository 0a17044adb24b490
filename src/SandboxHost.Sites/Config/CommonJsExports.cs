using Acornima.Ast;

namespace SandboxHost.Sites.Config;

/// <summary>Reads exports from assignments: <c>exports.NAME = …</c>, <c>module.exports.NAME = …</c>, <c>module.exports = …</c>.</summary>
internal static class CommonJsExports
{
    /// <param name="exports">Takes names and values; a module that is a function or an object is its own default export.</param>
    /// <param name="resolve">Follows a name to what was assigned to it.</param>
    public static void Read(AssignmentExpression assignment, Dictionary<string, Node?> exports, Func<Node?, Node?> resolve)
    {
        // exports.a = exports.b = value
        var targets = new List<Node> { assignment.Left };
        Node value = assignment.Right;
        while (value is AssignmentExpression next)
        {
            targets.Add(next.Left);
            value = next.Right;
        }

        foreach (var target in targets)
        {
            if (IsExports(target))
            {
                Replace(value, exports, resolve);
            }
            else if (target is MemberExpression { Computed: false } member && IsExportsOrName(member.Object))
            {
                exports[ModuleConfigReader.NameOf(member.Property)] = value;
            }
        }
    }

    private static void Replace(Node value, Dictionary<string, Node?> exports, Func<Node?, Node?> resolve)
    {
        exports.Clear();
        exports["default"] = value;
        if (resolve(value) is not ObjectExpression members)
        {
            return;
        }

        foreach (var member in members.Properties.OfType<Property>().Where(member => !member.Computed))
        {
            exports[ModuleConfigReader.NameOf(member.Key)] = member.Value;
        }
    }

    private static bool IsExportsOrName(Node node) => IsExports(node) || node is Identifier { Name: "exports" };

    private static bool IsExports(Node node) =>
        node is MemberExpression { Computed: false, Object: Identifier { Name: "module" }, Property: Identifier { Name: "exports" } };
}
