using SharpFuzz;

namespace SandboxHost.Fuzzing;

/// <summary>What `tests/fuzz` starts: `list`, `seeds TARGET DIRECTORY`, `afl TARGET`, `replay TARGET FILE…`.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["list"]:
                foreach (var one in FuzzTarget.All)
                {
                    Console.WriteLine($"{one.Name,-16}{one.What}");
                }

                return 0;
            case ["seeds", var name, var directory] when Find(name) is { } target:
                for (var i = 0; i < target.Seeds.Count; i++)
                {
                    File.WriteAllBytes(Path.Combine(directory, $"seed-{i}"), target.Seeds[i]);
                }

                return 0;
            case ["afl", var name] when Find(name) is { } target:
                Fuzzer.Run(stream =>
                {
                    using var input = new MemoryStream();
                    stream.CopyTo(input);
                    if (input.Length <= FuzzTarget.MaxInput)
                    {
                        target.Run(input.ToArray());
                    }
                });
                return 0;
            case ["replay", var name, .. var files] when Find(name) is { } target:
                return files.Select(file => Replay(target, file)).ToList().TrueForAll(fine => fine) ? 0 : 1;
            default:
                Console.Error.WriteLine("list | seeds TARGET DIRECTORY | afl TARGET | replay TARGET FILE…");
                return 2;
        }
    }

    private static FuzzTarget? Find(string name) => FuzzTarget.All.FirstOrDefault(target => target.Name == name);

    private static bool Replay(FuzzTarget target, string file)
    {
        try
        {
            target.Run(File.ReadAllBytes(file));
            Console.WriteLine($"{file}: fine");
            return true;
        }
        catch (Exception ex)
        {
            Console.WriteLine($"{file}: {ex}");
            return false;
        }
    }
}
