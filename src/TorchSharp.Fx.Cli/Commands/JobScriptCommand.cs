using System.CommandLine;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx job script slurm|kubernetes DIR</c></summary>
internal sealed class JobScriptCommand : ToolCommand
{
    public JobScriptCommand()
        : base("script", "Prints a script that runs a job on a cluster.", "job script slurm features --array 0-999%64 > features.sh")
    {
        Add(new SlurmCommand());
        Add(new KubernetesCommand());
    }

    /// <summary>A text between quotes that a shell leaves as it is.</summary>
    private static string Quoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>The command that runs a job wherever the script is taken.</summary>
    private static string[] RunOf(Job job, string[] assemblies)
    {
        // Refused here rather than by every task.
        JobAssemblies.Arguments(job, assemblies);
        return ["torchfx", "job", "run", job.Location, .. assemblies.SelectMany(file => new[] { JobAssemblies.Name, file })];
    }

    private sealed class SlurmCommand : JobFolderCommand
    {
        private readonly Option<string?> array =
            new("--array") { Description =
                "The tasks, and how many run at once; by default one per shard. Fewer tasks than shards share the shards.",
                    HelpName = "0-999%64" };
        private readonly Option<int> processors = new("--cpus") { Description = "The processors of a task.", HelpName = "N",
            DefaultValueFactory = _ => 4 };
        private readonly Option<string?> memory = new("--memory") { Description = "The memory of a task.", HelpName = "8G" };
        private readonly JobAssemblies assemblies = new();
        private readonly Option<string?> partition = new("--partition") { Description = "The Slurm partition.", HelpName = "NAME" };

        public SlurmCommand()
            : base("slurm", "Prints a batch script of an array of tasks. DIR has to be the same folder on all nodes, or in a bucket.",
                "job script slurm features --array 0-999%64 > features.sh")
        {
            foreach (var option in new Option[] { array, processors, memory, partition })
                Add(option);
            assemblies.AddTo(this);
            SetAction(Run);
        }

        private void Run(ParseResult parsed)
        {
            var job = Open(parsed);
            var run = RunOf(job, assemblies.Read(parsed));
            var lines = new List<string>
            {
                "#!/bin/bash",
                $"# {job.Definition.Rows} inputs in {job.Definition.Shards} shards. Submit with sbatch; submit again to go on with what "
                    + "is not done.",
                "#SBATCH --job-name=torchfx",
                $"#SBATCH --array={parsed.GetValue(array) ?? $"0-{Math.Max(0, job.Definition.Shards - 1)}"}",
                $"#SBATCH --cpus-per-task={parsed.GetValue(processors)}",
                "#SBATCH --requeue",
            };
            if (parsed.GetValue(memory) is { } amount)
                lines.Add($"#SBATCH --mem={amount}");
            if (parsed.GetValue(partition) is { } name)
                lines.Add($"#SBATCH --partition={name}");
            lines.Add("export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK");
            // A row with an error is a result; Slurm would call the task failed.
            lines.Add(string.Join(' ', run.Select((word, place) => place < 3 ? word : Quoted(word))));
            lines.Add($"code=$?; [ $code -eq {Tool.WithErrors} ] && exit 0; exit $code");
            lines.ForEach(Console.Out.WriteLine);
        }
    }

    private sealed class KubernetesCommand : JobFolderCommand
    {
        private readonly Option<string> image =
            new("--image") { Description = "The container image of the tool; the repository's Dockerfile builds one.", HelpName = "NAME",
                DefaultValueFactory = _ => "torchfx" };
        private readonly Option<string?> claim =
            new("--claim") { Description =
                "The volume claim that has the job's folder, its inputs and its weights, for many pods to write to. A job in a bucket "
                    + "needs none.", HelpName = "NAME" };
        private readonly Option<string?> mount =
            new("--mount") { Description = "Where pods mount the volume; as deep as its path here.", HelpName = "DIR" };
        private readonly Option<string?> secret =
            new("--secret") { Description =
                "A secret whose entries pods get as environment variables: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for a bucket.",
                    HelpName = "NAME" };
        private readonly JobAssemblies assemblies = new();
        private readonly Option<int> parallelism = new("--parallelism") { Description = "How many pods run at once.", HelpName = "N",
            DefaultValueFactory = _ => 16 };
        private readonly Option<int> processors = new("--cpus") { Description = "The processors of a pod.", HelpName = "N",
            DefaultValueFactory = _ => 4 };
        private readonly Option<string> memory = new("--memory") { Description = "The memory of a pod.", HelpName = "8Gi",
            DefaultValueFactory = _ => "4Gi" };

        public KubernetesCommand()
            : base("kubernetes", "Prints an indexed Kubernetes job with one pod per shard.",
                "job script kubernetes /data/features --claim data --mount /data | kubectl apply -f -",
                "job script kubernetes s3://bucket/features --secret bucket-keys | kubectl apply -f -")
        {
            foreach (var option in new Option[] { image, claim, mount, secret, parallelism, processors, memory })
                Add(option);
            assemblies.AddTo(this);
            SetAction(Run);
        }

        // JSON is YAML too, and quotes what it has to.
        private void Run(ParseResult parsed)
        {
            var job = Open(parsed);
            var pod = new KubernetesJob(RunOf(job, assemblies.Read(parsed)), parsed.GetRequiredValue(image), parsed.GetValue(processors),
                parsed.GetRequiredValue(memory))
            {
                Volume = Volume(job, parsed.GetValue(claim), parsed.GetValue(mount)),
                Secret = parsed.GetValue(secret),
            };
            Json.Print(writer => pod.Of(job, parsed.GetValue(parallelism)).WriteTo(writer));
        }

        private static (string Claim, string Path)? Volume(Job job, string? claim, string? mount) => (claim, mount) switch
        {
            (null, null) when job.IsInBucket => null,
            ({ } name, { } path) => (name, Path.GetFullPath(path)),
            _ => throw new ToolException(job.IsInBucket ? "--claim is a volume, and --mount says where pods see it: give both, or none."
                : $"The job in '{job.Folder}' is a folder that pods have to see: give its volume's --claim, and --mount for where it lies.") { IsWrongUsage = true },
        };
    }
}
