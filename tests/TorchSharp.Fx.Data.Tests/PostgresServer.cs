using System.Net;
using System.Net.Sockets;
using TorchSharp.Fx.Cli.Tests;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>A PostgreSQL of the tests' own, on this machine alone, for whoever has its password.</summary>
public sealed class PostgresServer : IDisposable
{
    private const string User = "torchfx", Password = "p@ss word";

    private static readonly string? Folder = !Directory.Exists("/usr/lib/postgresql") ? null
        : Directory.GetDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin"))
            .Where(folder => File.Exists(Path.Combine(folder, "initdb"))).Max();

    private readonly TemporaryFolder folder = new();
    private readonly Lazy<int> port;

    public PostgresServer() => port = new(Create);

    /// <summary>Whether a server can be started here.</summary>
    internal static bool IsHere => Folder is not null;

    internal const string Missing = "PostgreSQL is not installed (Debian's package 'postgresql').";

    internal string Address => $"postgres://{User}:{Uri.EscapeDataString(Password)}@127.0.0.1:{port.Value}/postgres";

    /// <summary>Ends all connections at once, as a crash would.</summary>
    internal void Stop() => Run("pg_ctl", "-s", "-m", "immediate", "-D", Data, "stop");

    internal void Start() => Run("pg_ctl", "-s", "-w", "-D", Data, "-l", folder["log"], "start");

    public void Dispose()
    {
        if (port.IsValueCreated)
            Stop();
        folder.Dispose();
    }

    private string Data => folder["data"];

    private int Create()
    {
        File.WriteAllText(folder["password"], Password);
        // The server refuses to run as an administrator.
        if (Environment.IsPrivilegedProcess)
            Programs.Run(["chown", "-R", "postgres", folder.Root]);
        Run("initdb", "-D", Data, "-A", "scram-sha-256", "-U", User, "--pwfile", folder["password"], "--no-sync", "--encoding", "UTF8");
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var number = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        File.AppendAllText(Path.Combine(Data, "postgresql.conf"),
            $"port = {number}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n");
        Start();
        return number;
    }

    private static void Run(string program, params string[] arguments)
        => Programs.RunAs("postgres", [Path.Combine(Folder!, program), .. arguments]);
}
