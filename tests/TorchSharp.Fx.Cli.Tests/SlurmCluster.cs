using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>A Slurm of one node, this machine, with files and ports of its own.</summary>
internal sealed class SlurmCluster : IDisposable
{
    private const string Controller = "/usr/sbin/slurmctld", Node = "/usr/sbin/slurmd", Authentication = "/usr/sbin/munged";

    private readonly TemporaryFolder folder = new();

    internal SlurmCluster()
    {
        foreach (var name in new[] { "state", "spool", "munge" })
            Directory.CreateDirectory(folder[name]);
        File.WriteAllBytes(folder["munge", "key"], RandomNumberGenerator.GetBytes(64));
        Programs.Run(["sh", "-c", "chmod 755 \"$0\" && chmod 600 \"$0/munge/key\" && chown -R munge \"$0/munge\"", folder.Root]);
        Programs.RunAs("munge", [Authentication, "--socket", Socket, "--key-file", folder["munge", "key"], "--pid-file", folder["munge", "pid"],
            "--log-file", folder["munge", "log"], "--seed-file", folder["munge", "seed"]]);
        File.WriteAllText(folder["slurm.conf"], Configuration(Dns.GetHostName().Split('.')[0]));
        Programs.Run([Controller, "-f", folder["slurm.conf"]]);
        Programs.Run([Node, "-f", folder["slurm.conf"]]);
    }

    /// <summary>Whether one can be started here: its daemons are installed, and belong to an administrator.</summary>
    internal static bool IsHere => new[] { Controller, Node, Authentication }.All(File.Exists) && Environment.IsPrivilegedProcess;

    internal const string Missing = "Slurm is not installed (Debian's packages 'slurmctld slurmd slurm-client munge'), or the tests don't run as root.";

    private string Socket => folder["munge", "socket"];

    /// <summary>Submits a script, and waits for all of its tasks.</summary>
    /// <param name="script">The script.</param>
    /// <param name="programs">A folder with what the script calls.</param>
    internal void Submit(string script, string programs)
        => Programs.Run(["sbatch", "--wait", $"--chdir={AppContext.BaseDirectory}", $"--output={folder["task-%a.log"]}", script], new Dictionary<string, string>
        {
            ["SLURM_CONF"] = folder["slurm.conf"], ["PATH"] = $"{programs}:{Environment.GetEnvironmentVariable("PATH")}",
        });

    /// <summary>What the tasks of the last script printed.</summary>
    internal string[] Logs => [.. Directory.GetFiles(folder.Root, "task-*.log").Order().Select(File.ReadAllText)];

    public void Dispose()
    {
        foreach (var pid in new[] { folder["slurmd.pid"], folder["slurmctld.pid"], folder["munge", "pid"] }.Where(File.Exists))
            // It takes its file away when it ends.
            Programs.Run(["sh", "-c", "kill $(cat \"$0\"); while [ -e \"$0\" ]; do sleep 0.1; done", pid]);
        folder.Dispose();
    }

    private string Configuration(string host)
    {
        var (controller, node) = (FreePort(), FreePort());
        return $"""
            ClusterName=test
            SlurmctldHost={host}(127.0.0.1)
            SlurmctldPort={controller}
            SlurmdPort={node}
            AuthType=auth/munge
            AuthInfo=socket={Socket}
            CredType=cred/munge
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core
            StateSaveLocation={folder["state"]}
            SlurmdSpoolDir={folder["spool"]}
            SlurmctldPidFile={folder["slurmctld.pid"]}
            SlurmdPidFile={folder["slurmd.pid"]}
            SlurmctldLogFile={folder["slurmctld.log"]}
            SlurmdLogFile={folder["slurmd.log"]}
            SlurmUser=root
            SlurmdParameters=config_overrides
            ReturnToService=2
            MpiDefault=none
            JobAcctGatherType=jobacct_gather/none
            MailProg=/bin/true
            NodeName={host} NodeAddr=127.0.0.1 CPUs={Environment.ProcessorCount} RealMemory=1000 State=UNKNOWN
            PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP

            """;
    }

    private static int FreePort()
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        return ((IPEndPoint)free.LocalEndpoint).Port;
    }
}
