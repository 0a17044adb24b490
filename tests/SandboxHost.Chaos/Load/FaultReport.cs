using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace SandboxHost.Chaos.Load;

/// <summary>What was done to a host, what its clients saw, and what of the invariant did not hold.</summary>
internal sealed class FaultReport
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<string> _broken = [];
    private readonly List<string> _notes = [];
    private readonly List<Recovery> _recoveries = [];

    public required string Title { get; init; }

    public required string Invariant { get; init; }

    /// <summary>Whether it went on for as long as the page wants it.</summary>
    public required bool IsFull { get; init; }

    /// <summary>What was done, with its counts.</summary>
    public string Injected { get; set; } = "";

    public LoadSummary? Load { get; private set; }

    /// <summary>What did not hold. Empty is good.</summary>
    public IReadOnlyList<string> Broken => _broken;

    /// <summary>What else was seen.</summary>
    public IReadOnlyList<string> Notes => _notes;

    public IReadOnlyList<Recovery> Recoveries => _recoveries;

    public void Check(bool holds, string otherwise)
    {
        if (!holds)
        {
            _broken.Add(otherwise);
        }
    }

    public void Note(string note) => _notes.Add(note);

    /// <summary>Writes a recovery down; one that came later than the limit breaks the invariant.</summary>
    /// <param name="aim">What we want to reach; the page says whether it was. Null: the limit.</param>
    public void Recovered(string what, TimeSpan took, TimeSpan limit, TimeSpan? aim = null)
    {
        var recovery = _recoveries.Find(known => known.What == what);
        if (recovery is null)
        {
            _recoveries.Add(recovery = new Recovery(what, (aim ?? limit).TotalMilliseconds, []));
        }

        recovery.TookMs.Add(Math.Round(took.TotalMilliseconds, 1));

        // Seconds are judged where a machine has nothing else to do: by the report. Here only what would pass for a hang is.
        limit = IsFull ? limit : LoadDriver.HangLimit;
        Check(took <= limit, string.Create(CultureInfo.InvariantCulture, $"{what}: {took.TotalSeconds:0.00} s, {limit.TotalSeconds:0.##} s were allowed"));
    }

    /// <summary>What holds for every load, whatever happens: an end for everybody, the right one, once; and no write is run twice.</summary>
    public void Judge(LoadResult load, RunLedger ledger)
    {
        Load = load.Summarise();
        foreach (var end in new[] { LoadEnd.Hung, LoadEnd.CutInSilence, LoadEnd.Misanswered })
        {
            CheckNone(load.Requests.Where(request => request.End == end), end.ToString());
        }

        Check(load.AnsweredTwice == 0, $"{load.AnsweredTwice} requests were answered twice");
        var twice = ledger.All.Count(run => run.Value > 1);
        Check(twice == 0, $"{twice} writes were run twice");
        CheckNone(load.Requests.Where(request => request is { Kind: LoadKind.Write, End: LoadEnd.Succeeded } && ledger.RunsOf(request.Id) == 0), "answered without being run");
    }

    public void CheckNone(IEnumerable<LoadRequest> requests, string what)
    {
        var found = requests.ToList();
        Check(found.Count == 0, string.Create(
            CultureInfo.InvariantCulture,
            $"{found.Count} × {what}: {string.Join("; ", found.Take(5).Select(request => $"{request.Kind} {request.Id} due at {request.Due.TotalSeconds:0.000} s: {request.End} {request.Reason} after {request.Took.TotalMilliseconds:0} ms"))}"));
    }

    /// <summary>Writes it where the page is made from.</summary>
    public void Save(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, JsonSerializer.Serialize(this, Json));
    }
}

/// <summary>How long it took until something was so again, each time.</summary>
/// <param name="AimMs">By when it should be.</param>
internal sealed record Recovery(string What, double AimMs, List<double> TookMs);
