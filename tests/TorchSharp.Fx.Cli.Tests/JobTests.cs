using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp.Fx.Data;
using TorchSharp.Fx.Testing;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>Processes die, hang and run out of disk; the job's rows are there once all the same, with the bytes of an undisturbed
/// run.</summary>
public sealed class JobTests : IDisposable
{
    private const int Shards = 20;

    private static readonly string[] Model = ["TestModels.dll:TestModels.Encoder", "--args", """{"widths":[4,8],"stem":{"kernel":3,"stride":16}}""", "--nodes", "layers=f"];

    // The model is a class of it, which no file may let run.
    private static readonly string[] Allowed = ["--assembly", Path.Combine(AppContext.BaseDirectory, "TestModels.dll")];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_job_is_made_run_told_verified_and_merged_into_what_extract_gives()
    {
        Create("job", images: 3, shardSize: 2);
        var before = Status("job");
        Assert.Equal((2, 0, 0), ((int)before["shards"]!, (int)before["done"]!, (int)before["rows"]!));
        Torchfx.Run("job", "verify", folder["job"]).AssertPrinted("Shard 0 is not done.\nShard 1 is not done.\n", exitCode: 1);
        var run = Torchfx.Run(["job", "run", folder["job"], "--workers", "2", .. Allowed]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(["shard 0: 2 rows, 0 errors, ", "shard 1: 1 rows, 0 errors, "],
            run.Lines.Select(line => line[..line.LastIndexOf(',')] + ", ").Order());
        var after = Status("job");
        Assert.Equal((2, 2, 3, 0, 3),
            ((int)after["shards"]!, (int)after["done"]!, (int)after["rows"]!, (int)after["errors"]!, (int)after["total_rows"]!));
        Torchfx.Run("job", "verify", folder["job"])
            .AssertPrinted("All 3 rows are there, each once, in 2 parts that are as they were written.\n");
        Torchfx.Run("job", "merge", folder["job"], "--out", folder["merged.parquet"]).AssertPrinted(folder["merged.parquet"] + "\n");
        Torchfx.Run("job", "merge", folder["job"], "--out", folder["index.parquet"], "--maps", "safetensors").AssertPrinted(folder["index.parquet"] + "\n");
        Assert.Equal(["f/0", "f/1", "f/2"], Safetensors.list(folder["index.maps", "00000.safetensors"]).Select(entry => entry.name));
        var whole = Torchfx.Run(["extract", Model[0], folder["in"], .. Model[1..], "--out", folder["whole.parquet"]]);
        Assert.True(whole.ExitCode == 0, whole.Error);
        Assert.Equal(Rows("whole.parquet"), Rows("merged.parquet"));
    }

    [Fact]
    public void A_job_that_would_get_other_numbers_is_refused()
    {
        Create("job", images: 1, shardSize: 1);
        File.Copy(Path.Combine(AppContext.BaseDirectory, "TestModels.dll"), folder["TestModels.dll"]);
        var path = folder["job", "job.json"];
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json["settings"]!["weights_sha256"] = "0000";
        json.AsObject().Remove("id");
        var id = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString())));
        json.AsObject().Insert(1, "id", id);
        File.WriteAllText(path, json.ToJsonString());
        var run = Torchfx.Run(["job", "run", folder["job"], .. Allowed]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"\ntorchfx: The job in '{folder["job"]}' was made with the weights_sha256 '0000', and here it is '", run.Error);
        Assert.EndsWith("': the numbers would differ. Use what it was made with, or make the job anew.\n", run.Error);
    }

    [Fact]
    public void Code_of_an_assembly_runs_where_the_command_line_allows_it_and_not_because_a_job_names_it()
    {
        Create("job", images: 1, shardSize: 1);
        var sentence = $"The job in '{folder["job"]}' was made with '{Allowed[1]}:TestModels.Encoder', code of an assembly, which is not run because a file says so: allow it with --assembly '{Allowed[1]}'.";
        File.Copy(Allowed[1], folder["TestModels.dll"]);
        Torchfx.Run("job", "run", folder["job"]).AssertFailed(sentence, 2);
        Torchfx.Run("job", "run", folder["job"], "--workers", "2").AssertFailed(sentence, 2);
        Torchfx.Run("job", "run", folder["job"], "--assembly", folder["TestModels.dll"]).AssertFailed(sentence, 2);
        Torchfx.Run("job", "retry", folder["job"]).AssertFailed(sentence, 2);
        Torchfx.Run("job", "script", "slurm", folder["job"]).AssertFailed(sentence, 2);
        Assert.Empty(Done("job"));
        Assert.Equal(0, Torchfx.Run(["job", "run", folder["job"], "--assembly", folder["none.dll"], .. Allowed]).ExitCode);
    }

    [Fact]
    public void A_job_whose_model_s_file_changed_is_refused()
    {
        Directory.CreateDirectory(folder["in"]);
        File.Copy(Golden.PathOf("images", "chelsea.png"), folder["in", "1.png"]);
        string[] save = ["save", .. Model[..3], "--nodes", "layers=f", "--out", folder["model.safetensors"]];
        Assert.Equal(0, Torchfx.Run(save).ExitCode);
        Assert.Equal(0, Torchfx.Run("job", "create", folder["job"], folder["model.safetensors"], folder["in"], "--nodes", "layers.1").ExitCode);
        // A space at the end of the header's JSON: another file with the same graph and weights.
        var bytes = File.ReadAllBytes(folder["model.safetensors"]);
        var length = BitConverter.ToInt64(bytes);
        File.WriteAllBytes(folder["model.safetensors"], [.. BitConverter.GetBytes(length + 1), .. bytes[8..(int)(8 + length)], (byte)' ', .. bytes[(int)(8 + length)..]]);
        var run = Torchfx.Run("job", "run", folder["job"]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"torchfx: The job in '{folder["job"]}' was made with the model_sha256 '", run.Error);
    }

    [Fact]
    public void Killed_at_random_moments_it_ends_with_every_row_once_and_the_bytes_of_an_undisturbed_run()
    {
        var kills = int.Parse(Environment.GetEnvironmentVariable("TORCHFX_TEST_KILLS") ?? "3");
        Create("job", images: 2 * Shards, shardSize: 2);
        var undisturbed = Undisturbed();
        // Where it is killed may be any moment from the start of the process to after its end.
        var clock = Stopwatch.StartNew();
        Assert.Equal(0, Torchfx.Run(["job", "run", Copy("timed"), .. Allowed]).ExitCode);
        var whole = clock.Elapsed;
        var random = new Random();
        for (var kill = 0; kill < kills; kill++)
        {
            if ((int)Status("job")["done"]! == Shards)
                Reset("job");
            using var process = Torchfx.Start(AppContext.BaseDirectory, ["job", "run", folder["job"], .. Allowed]);
            process.WaitForExit(random.NextDouble() * whole);
            process.Kill();
            process.WaitForExit();
            AssertOnlyWholeParts("job");
        }
        Assert.Equal(0, Torchfx.Run(["job", "run", folder["job"], .. Allowed]).ExitCode);
        AssertSame(undisturbed, "job");
    }

    [Fact]
    public void A_worker_that_hangs_is_taken_over_and_what_it_gives_when_it_wakes_is_dropped()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS(), "Signals are sent with kill.");
        Create("job", images: 2 * Shards, shardSize: 2);
        var undisturbed = Undisturbed();
        using var hanging = Torchfx.Start(AppContext.BaseDirectory, ["job", "run", folder["job"], "--lease-timeout", "1", .. Allowed]);
        while (Directory.GetFiles(folder["job", "leases"], "*.lease").Length == 0)
            Thread.Sleep(1);
        Signal(hanging, "STOP");
        var run = Torchfx.Run(["job", "run", folder["job"], "--lease-timeout", "1", .. Allowed]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(Shards, (int)Status("job")["done"]!);
        Signal(hanging, "CONT");
        hanging.WaitForExit();
        AssertSame(undisturbed, "job");
    }

    [Fact]
    public void A_worker_of_a_queue_that_is_killed_leaves_its_shards_to_another()
    {
        Create("job", images: 2 * Shards, shardSize: 2);
        var undisturbed = Undisturbed();
        string[] queue = ["--storage", $"sqlite://{folder["queue.db"]}"];
        var submit = Torchfx.Run(["job", "submit", folder["job"], .. queue]);
        Assert.Equal((0, "20 of 20 shards; 'torchfx worker' with this storage computes them\n"), (submit.ExitCode, submit.Error));
        using var killed = Torchfx.Start(AppContext.BaseDirectory, ["worker", .. queue, .. Allowed]);
        while (Done("job").Length == 0 && !killed.HasExited)
            Thread.Sleep(10);
        killed.Kill();
        killed.WaitForExit();
        Assert.InRange(Done("job").Length, 1, Shards - 1);
        var run = Torchfx.Run(["worker", .. queue, .. Allowed, "--until-empty", "--lease-timeout", "2"]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains($"{folder["job"]}: shard 19: 2 rows, 0 errors, ", run.Out);
        Assert.Matches(@"dashboard: http://127\.0\.0\.1:\d+/\?token=[0-9a-f]{32}\n", run.Error);
        AssertSame(undisturbed, "job");
    }

    [Fact]
    public void A_full_disk_ends_the_run_with_a_sentence_and_with_room_it_goes_on()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The size of files is limited by a shell.");
        Create("job", images: 8, shardSize: 2);
        var undisturbed = Undisturbed();
        // No file may have more than a kilobyte: the first part doesn't fit.
        var start = new ProcessStartInfo("bash",
            ["-c", "trap '' XFSZ; ulimit -f 1; exec dotnet \"$0\" job run \"$1\" --assembly \"$2\"", Path.Combine(AppContext.BaseDirectory, "torchfx.dll"),
            folder["job"], Allowed[1]]) { RedirectStandardError = true, RedirectStandardOutput = true };
        // Memory that the runtime maps to a file would be limited too.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        start.WorkingDirectory = AppContext.BaseDirectory;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(1, process.ExitCode);
        Assert.Contains($"torchfx: '{folder["job", "parts", "part-00000.parquet"]}' can't be written: ", error);
        Assert.Empty(Directory.GetFiles(folder["job", "parts"]));
        Assert.Equal(0, Torchfx.Run(["job", "run", folder["job"], .. Allowed]).ExitCode);
        AssertSame(undisturbed, "job");
    }

    [Fact]
    public void A_disk_that_gets_full_in_the_middle_keeps_what_is_whole_and_with_room_the_run_goes_on()
    {
        Assert.SkipUnless(CanMount.Value, MountsMissing);
        Create("job", images: 8, shardSize: 2);
        var undisturbed = Undisturbed();
        var room = undisturbed.Values.Sum(part => part.Length) / 2 / 1024;
        var (code, _, error) = Mounted($"""
            mount -t tmpfs -o size={room}k none "$1/parts"
            dotnet "$0" job run "$1" --assembly "$2"; code=$?
            dotnet "$0" job verify "$1" > "$1/verified"
            mount -o remount,size=8m "$1/parts"
            dotnet "$0" job run "$1" --assembly "$2" && cp -r "$1/parts" "$1/kept"
            exit $code
            """);
        Assert.Equal(1, code);
        Assert.Matches(@"torchfx: '[^']*/part-0000\d\.parquet' can't be written: No space left on device", error);
        Assert.All(File.ReadAllLines(folder["job", "verified"]), line => Assert.Matches(@"^Shard \d is not done\.$", line));
        Directory.Delete(folder["job", "parts"]);
        Directory.Move(folder["job", "kept"], folder["job", "parts"]);
        AssertSame(undisturbed, "job");
    }

    [Fact]
    public void A_folder_that_is_read_only_is_told_and_stays_as_it_is()
    {
        Assert.SkipUnless(CanMount.Value, MountsMissing);
        Create("job", images: 2, shardSize: 2);
        var (code, _, error) = Mounted("""mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec dotnet "$0" job run "$1" --assembly "$2" """);
        Assert.Equal(1, code);
        Assert.EndsWith($"torchfx: The job's folder '{folder["job"]}' takes no new files: change its rights, or copy the job to another folder.\n", error);
        Assert.Empty(Directory.GetFiles(folder["job", "parts"]));
        Assert.Empty(Directory.GetFiles(folder["job", "leases"]));
    }

    [Fact]
    public void The_script_for_Slurm_runs_on_a_real_one()
    {
        Assert.SkipUnless(SlurmCluster.IsHere, SlurmCluster.Missing);
        Create("job", images: 8, shardSize: 2);
        var undisturbed = Undisturbed();
        Directory.CreateDirectory(folder["bin"]);
        File.WriteAllText(folder["bin", "torchfx"], $"#!/bin/sh\nexec dotnet '{Path.Combine(AppContext.BaseDirectory, "torchfx.dll")}' \"$@\"\n");
        Programs.Run(["chmod", "+x", folder["bin", "torchfx"]]);
        File.WriteAllText(folder["job.sh"], Torchfx.Run(["job", "script", "slurm", folder["job"], "--array", "0-1%2", "--cpus", "1", .. Allowed]).Out);
        using var slurm = new SlurmCluster();
        slurm.Submit(folder["job.sh"], folder["bin"]);
        Assert.Equal(["shard 0: 2 rows, shard 2: 2 rows, ", "shard 1: 2 rows, shard 3: 2 rows, "], slurm.Logs.Select(log
            => string.Concat(log.Split('\n').Where(line => line.StartsWith("shard ", StringComparison.Ordinal)).Select(line => line[..17]))));
        AssertSame(undisturbed, "job");
    }

    [Fact]
    public void A_folder_that_can_not_be_written_is_told()
    {
        Create("job", images: 2, shardSize: 2);
        Directory.Delete(folder["job", "leases"]);
        File.WriteAllText(folder["job", "leases"], "no folder");
        var run = Torchfx.Run(["job", "run", folder["job"], .. Allowed]);
        Assert.Equal((1, ""), (run.ExitCode, run.Out));
        Assert.Single(run.Error.Split('\n'), line => line.StartsWith("torchfx: ", StringComparison.Ordinal));
        Assert.Empty(Directory.GetFiles(folder["job", "parts"]));
    }

    [Fact]
    public void An_array_task_and_an_indexed_pod_do_their_shards_and_broken_images_give_3()
    {
        Create("job", images: 6, shardSize: 1);
        File.Delete(folder["in", "4.png"]);
        Assert.Equal(0, Torchfx.Run(new Dictionary<string, string> { ["JOB_COMPLETION_INDEX"] = "1" }, ["job", "run", folder["job"], .. Allowed])
            .ExitCode);
        Assert.Equal([1], Done("job"));
        var array = new Dictionary<string, string> { ["SLURM_ARRAY_TASK_ID"] = "10", ["SLURM_ARRAY_TASK_MIN"] = "8",
            ["SLURM_ARRAY_TASK_MAX"] = "10" };
        Assert.Equal(0, Torchfx.Run(array, ["job", "run", folder["job"], .. Allowed]).ExitCode);
        Assert.Equal([1, 2, 5], Done("job"));
        Assert.Equal(3, Torchfx.Run(["job", "run", folder["job"], .. Allowed]).ExitCode);
        Assert.Equal([0, 1, 2, 3, 4, 5], Done("job"));
        File.Copy(folder["in", "1.png"], folder["in", "4.png"]);
        Assert.Equal(0, Torchfx.Run(["job", "retry", folder["job"], .. Allowed]).ExitCode);
        Assert.Equal(0, (int)Status("job")["errors"]!);
    }

    [Fact]
    public void Scripts_are_those_of_the_engines()
    {
        Create("job", images: 6, shardSize: 2);
        var slurm = Torchfx.Run(["job", "script", "slurm", folder["job"], "--array", "0-2%2", "--memory", "2G", .. Allowed]);
        Assert.Equal(["#SBATCH --job-name=torchfx", "#SBATCH --array=0-2%2", "#SBATCH --cpus-per-task=4", "#SBATCH --requeue", "#SBATCH --mem=2G"], slurm.Lines.Where(line => line.StartsWith("#SBATCH", StringComparison.Ordinal)));
        Assert.Contains($"torchfx job run '{folder["job"]}' '--assembly' '{Allowed[1]}'", slurm.Lines);
        var kubernetes = Torchfx.Run(["job", "script", "kubernetes", folder["job"], "--claim", "data", "--mount", folder.Root, .. Allowed]);
        using var json = JsonDocument.Parse(kubernetes.Out);
        var spec = json.RootElement.GetProperty("spec");
        Assert.Equal(("batch/v1", "Job", "Indexed", 3, 3),
            (json.RootElement.GetProperty("apiVersion").GetString(), json.RootElement.GetProperty("kind").GetString(),
            spec.GetProperty("completionMode").GetString(), spec.GetProperty("completions").GetInt32(),
            spec.GetProperty("backoffLimitPerIndex").GetInt32()));
        var pod = spec.GetProperty("template").GetProperty("spec");
        Assert.Equal(["torchfx", "job", "run", folder["job"], .. Allowed],
            pod.GetProperty("containers")[0].GetProperty("command").EnumerateArray().Skip(3).Select(word => word.GetString()));
        Assert.Equal("data", pod.GetProperty("volumes")[0].GetProperty("persistentVolumeClaim").GetProperty("claimName").GetString());
    }

    private string[] Rows(string table)
        => [.. FeatureTableReader.Read(folder[table], new([], [new("f", typeof(float), [8, 12, 12])]))
        .Select(row => $"{row.Row} {row.Path} {string.Join(',', row.Features[0].Elements.Cast<float>())}")];

    private void Create(string name, int images, int shardSize)
    {
        Directory.CreateDirectory(folder["in"]);
        string[] pictures = [Golden.PathOf("images", "chelsea.png"), Golden.PathOf("images", "rocket.jpg")];
        for (var i = 0; i < images; i++)
            File.Copy(pictures[i % 2], folder["in", $"{i}.png"]);
        var run = Torchfx.Run(["job", "create", folder[name], Model[0], folder["in"], .. Model[1..], "--shard-size", $"{shardSize}"]);
        Assert.True((run.ExitCode, run.Out) == (0, folder[name] + "\n"), run.Error);
    }

    private string Copy(string name)
    {
        foreach (var part in new[] { "parts", "leases", "shards" })
            Directory.CreateDirectory(folder[name, part]);
        foreach (var file in Directory.GetFiles(folder["job", "shards"]).Append(folder["job", "job.json"]))
            File.Copy(file, Path.Combine(folder[name], Path.GetRelativePath(folder["job"], file)));
        return folder[name];
    }

    private Dictionary<string, byte[]> Undisturbed()
    {
        Assert.Equal(0, Torchfx.Run(["job", "run", Copy("undisturbed"), .. Allowed]).ExitCode);
        return Parts("undisturbed");
    }

    private Dictionary<string, byte[]> Parts(string name)
        => Directory.GetFiles(folder[name, "parts"], "*.parquet").ToDictionary(file => Path.GetFileName(file), File.ReadAllBytes);

    private void Reset(string name)
    {
        foreach (var file in Directory.GetFiles(folder[name, "parts"]))
            File.Delete(file);
    }

    private void AssertOnlyWholeParts(string name)
    {
        var run = Torchfx.Run("job", "verify", folder[name]);
        Assert.All(run.Lines, line => Assert.Matches(@"^(Shard \d+ is not done\.|All \d+ rows are there, .*)$", line));
    }

    private void AssertSame(Dictionary<string, byte[]> expected, string name)
    {
        var run = Torchfx.Run("job", "verify", folder[name]);
        Assert.True(run.ExitCode == 0, run.Out);
        var parts = Parts(name);
        Assert.Equal(expected.Keys.Order(), parts.Keys.Order());
        Assert.All(expected, part => Assert.Equal(part.Value, parts[part.Key]));
    }

    private JsonNode Status(string name) => JsonNode.Parse(Torchfx.Run("job", "status", folder[name], "--format", "json").Out)!;

    private int[] Done(string name)
        => [.. Directory.GetFiles(folder[name, "parts"], "*.done.json").Select(file => int.Parse(Path.GetFileName(file)[5..10])).Order()];

    private const string MountsMissing = "Only an administrator of Linux may mount for a process alone (unshare --mount).";

    private static readonly Lazy<bool> CanMount = new(() => OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess
        && Process.Start(new ProcessStartInfo("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]) { RedirectStandardError = true }) is { } process
        && process.WaitForExit(10_000) && process.ExitCode == 0);

    /// <summary>Runs a script whose mounts nobody else sees; $0 is the tool, $1 the job, $2 its assembly.</summary>
    private (int Code, string Out, string Error) Mounted(string script)
    {
        var start = new ProcessStartInfo("unshare", ["--mount", "sh", "-c", script, Path.Combine(AppContext.BaseDirectory, "torchfx.dll"), folder["job"], Allowed[1]])
        {
            RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = AppContext.BaseDirectory,
        };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.WaitForExit();
        return (process.ExitCode, output.Result, error.Result);
    }

    private static void Signal(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        kill.WaitForExit();
    }
}
