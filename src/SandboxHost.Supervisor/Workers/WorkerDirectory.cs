using System.Security.Cryptography;
using SandboxHost.Protocol.Worker.V1;
using SandboxHost.Supervisor.Transport;

namespace SandboxHost.Supervisor.Workers;

/// <summary>Every worker that lives, by token and by uid: who may dial, and who it is.</summary>
internal sealed class WorkerDirectory(SupervisorLogger logger)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Worker> _byToken = new(StringComparer.Ordinal);
    private readonly Dictionary<uint, List<Worker>> _byUid = [];
    private readonly Dictionary<uint, int> _connections = [];
    private readonly HashSet<Worker> _all = [];

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _all.Count;
            }
        }
    }

    public IReadOnlyList<Worker> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _all];
            }
        }
    }

    /// <summary>Expects a worker that is about to start, and makes the token that it will have to show.</summary>
    public string Expect(Worker worker)
    {
        var token = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        lock (_gate)
        {
            _byToken.Add(token, worker);
            _all.Add(worker);
        }

        return token;
    }

    /// <summary>The worker's process runs and its uid is known. Without isolation many workers have the same one.</summary>
    public void OnLaunched(Worker worker, uint uid)
    {
        lock (_gate)
        {
            if (!_byUid.TryGetValue(uid, out var workers))
            {
                _byUid.Add(uid, workers = []);
            }

            workers.Add(worker);
        }
    }

    public void Remove(Worker worker, string token)
    {
        lock (_gate)
        {
            _byToken.Remove(token);
            _all.Remove(worker);
            if (worker.Uid is { } uid && _byUid.TryGetValue(uid, out var workers) && workers.Remove(worker) && workers.Count == 0)
            {
                _byUid.Remove(uid);
            }
        }
    }

    /// <summary>
    /// One connection for each worker of a uid. One more can only come from the function's own code and ends the worker; a
    /// uid without workers is a stranger on the host.
    /// </summary>
    public bool TryConnect(PeerCredentials peer)
    {
        lock (_gate)
        {
            var open = _connections.GetValueOrDefault(peer.Uid);
            if (_byUid.TryGetValue(peer.Uid, out var workers) && open < workers.Count)
            {
                _connections[peer.Uid] = open + 1;
                return true;
            }
        }

        Refuse(peer, "a connection too many");
        return false;
    }

    public void OnDisconnected(PeerCredentials peer)
    {
        lock (_gate)
        {
            if (--_connections[peer.Uid] <= 0)
            {
                _connections.Remove(peer.Uid);
            }
        }
    }

    /// <summary>The worker that a hello belongs to; null when the token is wrong, used, or shown by somebody else.</summary>
    public Worker? Admit(Hello hello, PeerCredentials? peer)
    {
        Worker? worker;
        lock (_gate)
        {
            // A token is good for one try.
            _byToken.Remove(hello.Token, out worker);
        }

        return worker is not null && peer is not null && worker.IsPeer(peer.Uid) ? worker : null;
    }

    /// <summary>Somebody broke the rules of the link: if it is a worker, it ends.</summary>
    public void Refuse(PeerCredentials? peer, string what)
    {
        Worker? worker = null;
        if (peer is not null)
        {
            lock (_gate)
            {
                // Without isolation nobody can be told apart by uid, so nobody is punished.
                worker = _byUid.TryGetValue(peer.Uid, out var workers) && workers.Count == 1 ? workers[0] : null;
            }
        }

        logger.PeerRefused(peer?.Uid ?? uint.MaxValue, peer?.ProcessId ?? 0, what);
        worker?.Kill(ProtocolViolation.Error);
    }
}
