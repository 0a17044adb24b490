using SandboxHost.Chaos.Load.Faults;

namespace SandboxHost.Chaos.Load;

/// <summary>
/// Each fault under load, with its invariant. In ./test.sh they are short; ./benchmarks/chaos runs the same at full length
/// and makes docs/reliability.md from what they saw.
/// </summary>
public sealed class FaultTests
{
    private const int Limit = 300_000;

    [Fact(Timeout = Limit)]
    public Task Requests_survive_a_worker_that_is_killed_every_second() => HoldsAsync(1, new KilledWorkers());

    [Fact(Timeout = Limit)]
    public Task A_worker_that_stands_still_costs_its_own_requests_and_is_replaced() => HoldsAsync(2, new FrozenWorkers());

    [Fact(Timeout = Limit)]
    public Task Without_the_launcher_warm_functions_serve_on_and_cold_ones_say_why_not() => HoldsAsync(3, new MissingLauncher());

    [Fact(Timeout = Limit)]
    public Task A_full_disk_stops_what_must_be_stored_and_nothing_else() => HoldsAsync(4, new FullDisk());

    [Fact(Timeout = Limit)]
    public Task A_host_without_descriptors_serves_who_is_connected_and_recovers() => HoldsAsync(5, new NoDescriptors());

    [Fact(Timeout = Limit)]
    public Task A_clock_that_is_set_is_not_noticed() => HoldsAsync(6, new SteppedClock());

    [Fact(Timeout = Limit)]
    public Task A_killed_host_takes_its_workers_along_and_the_next_serves_within_a_second() => HoldsAsync(7, new KilledHost());

    [Fact(Timeout = Limit)]
    public Task No_request_fails_while_deploys_are_swapped() => HoldsAsync(8, new Swaps());

    [Fact(Timeout = Limit)]
    public Task No_request_fails_while_a_function_is_edited() => HoldsAsync(10, new Edits());

    [Fact(Timeout = Limit)]
    public Task A_function_that_always_crashes_is_shut_off_and_nobody_else() => HoldsAsync(9, new CrashLoop());

    private static async Task HoldsAsync(int number, Fault fault)
    {
        var length = FaultLength.Current;
        var report = new FaultReport { Title = fault.Title, Invariant = fault.Invariant, IsFull = length.IsFull };
        try
        {
            await fault.RunAsync(length, report);
        }
        finally
        {
            report.Save(Repository.PathOf($"artifacts/chaos/{number}.json"));
        }

        Assert.Empty(report.Broken);
    }
}
