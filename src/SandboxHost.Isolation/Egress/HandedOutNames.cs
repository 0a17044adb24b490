using System.Net;

namespace SandboxHost.Isolation.Egress;

/// <summary>
/// By which names a worker got to know an address: a program that connects by itself shows the address only. Bounded; what
/// is forgotten first was handed out first.
/// </summary>
internal sealed class HandedOutNames
{
    private const int MaxAddresses = 1024;
    private const int MaxNames = 8;

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, string[]> _names = [];
    private readonly Queue<IPAddress> _order = new();

    public void Add(string name, IEnumerable<IPAddress> addresses)
    {
        lock (_gate)
        {
            foreach (var address in addresses)
            {
                if (!_names.TryGetValue(address, out var known))
                {
                    if (_order.Count == MaxAddresses)
                    {
                        _names.Remove(_order.Dequeue());
                    }

                    _order.Enqueue(address);
                    _names[address] = [name];
                }
                else if (!known.Contains(name))
                {
                    _names[address] = [.. known.TakeLast(MaxNames - 1), name];
                }
            }
        }
    }

    public IReadOnlyList<string> Of(IPAddress address)
    {
        lock (_gate)
        {
            return _names.GetValueOrDefault(address, []);
        }
    }
}
