using System.Diagnostics.Metrics;

namespace SandboxHost.Isolation.Egress;

/// <summary>Every site whose workers have doors, and meter "SandboxHost.Isolation": what each of them uses.</summary>
internal sealed class EgressSites : IDisposable
{
    public const string MeterName = "SandboxHost.Isolation";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, SiteEgress> _sites = new(StringComparer.Ordinal);
    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _refused;
    private readonly EgressLimits _limits;
    private readonly HostResolver _resolver;
    private readonly TimeProvider _time;

    public EgressSites(EgressLimits limits, HostResolver resolver, TimeProvider time)
    {
        _limits = limits;
        _resolver = resolver;
        _time = time;
        _refused = _meter.CreateCounter<long>("faas.egress.refused", "{destination}", "Connections and names refused at the egress door, by site and rule");
        _meter.CreateObservableCounter(
            "faas.egress.connections", () => All(site => [new(site.Counters.Read().Connections, Of(site))]), "{connection}", "Connections let out, by site");
        _meter.CreateObservableCounter(
            "faas.egress.bytes",
            () => All(site => [new(site.Counters.Read().BytesUp, Of(site), new("direction", "up")), new(site.Counters.Read().BytesDown, Of(site), new("direction", "down"))]),
            "By",
            "Bytes through the egress door, by site and direction");
        _meter.CreateObservableUpDownCounter("faas.egress.doors", () => All(site => [new((long)site.Doors, Of(site))]), "{worker}", "Workers with an open door, by site");
    }

    /// <summary>Another door of this site's.</summary>
    public SiteEgress Enter(string name)
    {
        lock (_gate)
        {
            if (!_sites.TryGetValue(name, out var site))
            {
                Forget();
                _sites.Add(name, site = new SiteEgress(name, _limits, _resolver, _time));
            }

            site.Doors++;
            return site;
        }
    }

    /// <summary>A door has been closed.</summary>
    public void Leave(SiteEgress site)
    {
        lock (_gate)
        {
            site.Doors--;
        }
    }

    public void Refused(SiteEgress? site, string rule) => _refused.Add(1, new("site", site?.Site ?? ""), new("rule", rule));

    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?> Of(SiteEgress site) => new("site", site.Site);

    private List<Measurement<long>> All(Func<SiteEgress, Measurement<long>[]> read)
    {
        lock (_gate)
        {
            return [.. _sites.Values.SelectMany(read)];
        }
    }

    // Not as soon as the last door closes: a site must not get a full bucket by ending its workers.
    private void Forget()
    {
        foreach (var site in _sites.Values.Where(site => site.Doors == 0 && site.IsAtRest).ToList())
        {
            _sites.Remove(site.Site);
        }
    }
}
