using System.Globalization;
using System.Text;

namespace SandboxHost.Benchmarks;

/// <summary>How much code a function brings along.</summary>
public enum BundleSize
{
    OneKilobyte,
    HundredKilobytes,
    OneMegabyte,
}

/// <summary>
/// JavaScript of the kind that bundles are made of: small modules with functions, a class, a table and an expression each,
/// that use one another. Everything is reachable, so no bundler drops it; nothing runs but the top level.
/// </summary>
internal static class GeneratedBundle
{
    public static string Create(BundleSize size) => size switch
    {
        BundleSize.OneKilobyte => Small,
        BundleSize.HundredKilobytes => WithModules(100 * 1024),
        BundleSize.OneMegabyte => WithModules(1024 * 1024),
        _ => throw new ArgumentOutOfRangeException(nameof(size)),
    };

    private const string Small = """
        const greetings = { de: "Hallo", en: "Hello", es: "Hola", fr: "Bonjour", it: "Ciao", nl: "Hoi", pt: "Olá" };

        // The first language that the client wants and we have, by its weights.
        function languageOf(request) {
          const wanted = (request.headers.get("accept-language") ?? "en").split(",").map((part) => {
            const [name, weight] = part.trim().split(";q=");
            return { name: name.slice(0, 2).toLowerCase(), weight: weight === undefined ? 1 : Number(weight) };
          });
          wanted.sort((a, b) => b.weight - a.weight);
          return wanted.find(({ name }) => name in greetings)?.name ?? "en";
        }

        export default async (request) => {
          const name = new URL(request.url).searchParams.get("name") ?? "world";
          if (name.length > 100) {
            return Response.json({ error: "the name is too long" }, { status: 400 });
          }

          const language = languageOf(request);
          return new Response(`${greetings[language]}, ${name}!`, { headers: { "content-language": language, "vary": "accept-language" } });
        };
        """;

    private static string Hello(string text) => $"export default () => new Response({text});\n";

    private static string WithModules(int bytes)
    {
        var code = new StringBuilder();
        var count = 0;
        while (code.Length < bytes)
        {
            code.Append(CultureInfo.InvariantCulture, $$"""
                const table{{count}} = {
                  id: {{count}}, name: "module {{count}}", tags: ["alpha", "beta", "gamma-{{count}}"],
                  limits: { retries: {{count % 7}}, timeout: {{1000 + count}}, ratio: 0.{{count}} },
                };
                function normalise{{count}}(input, fallback = table{{count}}.name) {
                  if (input === null || input === undefined) return fallback;
                  const text = String(input).trim().toLowerCase().replace(/[^a-z0-9-]+/g, "-");
                  return text.length > {{20 + (count % 30)}} ? `${text.slice(0, {{20 + (count % 30)}})}…` : text;
                }
                async function fetchAll{{count}}(urls, { retries = table{{count}}.limits.retries } = {}) {
                  const results = [];
                  for (const url of urls) {
                    for (let attempt = 0; attempt <= retries; attempt++) {
                      try {
                        const response = await fetch(url, { headers: { "x-module": table{{count}}.name } });
                        if (!response.ok) throw new Error(`status ${response.status}`);
                        results.push(await response.json());
                        break;
                      } catch (error) {
                        if (attempt === retries) results.push({ url, error: normalise{{count}}(error.message) });
                      }
                    }
                  }
                  return results;
                }
                class Store{{count}} {
                  #entries = new Map();
                  get size() { return this.#entries.size; }
                  put(key, value) { this.#entries.set(normalise{{count}}(key), { value, at: Date.now() }); return this; }
                  find(key) { return this.#entries.get(normalise{{count}}(key))?.value ?? null; }
                  *matching(expression) {
                    for (const [key, { value }] of this.#entries) if (expression.test(key)) yield [key, value];
                  }
                }
                const route{{count}} = { table: table{{count}}, normalise: normalise{{count}}, fetchAll: fetchAll{{count}}, store: new Store{{count}}() };

                """);
            count++;
        }

        var routes = string.Join(", ", Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"route{i}")));
        return code.Append(CultureInfo.InvariantCulture, $"const routes = [{routes}];\n").Append(Hello("`Hello from ${routes.length} routes`")).ToString();
    }
}
