using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace SandboxHost.Chaos.Hostile;

/// <summary>Functions that end themselves, once or again and again. Numbers are those of docs/threat-model.md.</summary>
[Collection(nameof(HostileCases))]
public sealed class ExitTests(HostileHost hostile)
{
    [Theory(Timeout = HostileHost.CaseMilliseconds)]
    [InlineData("exit0", HttpStatusCode.BadGateway, "worker_exited", "process.exit(0)")]
    [InlineData("exit200", HttpStatusCode.BadGateway, "worker_exited", "process.exit(200)")]
    [InlineData("reallyExit", HttpStatusCode.BadGateway, "worker_exited", "process.exit(7)")]
    [InlineData("abort", HttpStatusCode.BadGateway, "worker_exited", "SIGABRT")]
    [InlineData("kill", HttpStatusCode.BadGateway, "worker_exited", "signal 9")]
    [InlineData("timer", HttpStatusCode.InternalServerError, "function_error", "in a timer")]
    [InlineData("rejection", HttpStatusCode.InternalServerError, "function_error", "of nobody")]
    public Task Case_42_every_exit_is_an_error_with_its_name_and_no_call_hangs(string how, HttpStatusCode status, string code, string message) =>
        hostile.RunAsync("exits", async attack =>
        {
            await attack.AnswerEnoughAsync();
            using var reply = await attack.Client.PostAsync(attack.Path($"how={how}"), null);
            var text = await reply.Content.ReadAsStringAsync();

            Assert.True(status == reply.StatusCode, text);
            var error = JsonSerializer.Deserialize<JsonElement>(text);
            Assert.Equal(code, error.GetProperty("code").GetString());
            Assert.Contains(message, error.GetProperty("errorMessage").GetString());
        });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_42_an_error_after_the_answer_takes_nothing_back() => hostile.RunAsync("exits", async attack =>
    {
        await attack.AnswerEnoughAsync();
        Assert.Equal("answered", await attack.AskForTextAsync("how=after"));
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_43_a_module_that_never_loads_says_so_and_is_not_tried_without_end() => hostile.RunAsync("one-slot", async attack =>
    {
        await EditAsync(attack, "broken", version => $"throw new Error('{version}'); export default () => {{}};");
        var codes = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            using var reply = await attack.AskSiteAsync(HostileHost.EditedSite, "broken");
            codes.Add((await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()!);
        }

        // The first of five was asked for to see that the edit is there.
        Assert.Equal(["load_error", "load_error", "load_error", "load_error", "crash_loop", "crash_loop"], codes);
    });

    [Fact(Timeout = HostileHost.CaseMilliseconds)]
    public Task Case_43_a_crash_loop_is_refused_for_a_while_and_given_another_chance() => hostile.RunAsync("one-slot", async attack =>
    {
        await EditAsync(attack, "crash-loop", version => $$"""
            export default async (req) => {
              if (req.method === "GET") return new Response("{{version}}");
              await new Promise(() => setTimeout(() => process.kill(process.pid, "SIGKILL"), 20));
            };
            """);
        // A POST that its function has seen is not given a second worker, so one call is one death.
        for (var i = 0; i < 5; i++)
        {
            await Attack.MustFailAsync(attack.AskSiteAsync(HostileHost.EditedSite, "crash-loop", HttpMethod.Post), HttpStatusCode.BadGateway, "worker_exited");
        }

        using (var refused = await attack.AskSiteAsync(HostileHost.EditedSite, "crash-loop"))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter?.Delta);
            Assert.Contains("signal 9", (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errorMessage").GetString());
        }

        // Another function is untouched.
        Assert.Equal("calm", await attack.AskForTextAsync("calm"));
        await Eventually.TrueAsync(
            async () =>
            {
                using var reply = await attack.AskSiteAsync(HostileHost.EditedSite, "crash-loop");
                return reply.StatusCode == HttpStatusCode.OK;
            },
            TimeSpan.FromSeconds(5), "it is tried again");
    });

    /// <summary>Writes a function that says its version, and waits until it is the one that answers.</summary>
    private async Task EditAsync(Attack attack, string name, Func<string, string> source)
    {
        var version = Guid.NewGuid().ToString();
        hostile.Edited.Write($"{name}.mjs", source(version));
        await Eventually.TrueAsync(
            async () =>
            {
                using var reply = await attack.AskSiteAsync(HostileHost.EditedSite, name);
                return (await reply.Content.ReadAsStringAsync()).Contains(version, StringComparison.Ordinal);
            },
            TimeSpan.FromSeconds(10), "the edit shows");
    }
}
