using System.Globalization;
using System.Text.Json.Nodes;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary>A job of Kubernetes (<c>batch/v1</c>) with a pod for each shard, which finds its number in JOB_COMPLETION_INDEX.</summary>
/// <param name="command">What each pod runs.</param>
/// <param name="image">The image of the tool.</param>
/// <param name="processors">Those of a pod.</param>
/// <param name="memory">That of a pod.</param>
internal sealed class KubernetesJob(string[] command, string image, int processors, string memory)
{
    private const int RetriesOfAShard = 3;

    // Where a store of the S3 kind is; who may use it is a secret's matter.
    private static readonly string[] Store = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION"];

    /// <summary>The volume claim that has what pods read and write, and where they see it; null for none.</summary>
    internal (string Claim, string Path)? Volume { get; init; }

    /// <summary>A secret whose entries are environment variables of pods; null for none.</summary>
    internal string? Secret { get; init; }

    internal JsonObject Of(Job job, int parallelism) => new()
    {
        ["apiVersion"] = "batch/v1",
        ["kind"] = "Job",
        ["metadata"] = new JsonObject { ["name"] = $"torchfx-{job.Definition.Id[..12]}" },
        ["spec"] = new JsonObject
        {
            ["completionMode"] = "Indexed",
            ["completions"] = job.Definition.Shards,
            ["parallelism"] = Math.Min(parallelism, job.Definition.Shards),
            ["backoffLimitPerIndex"] = RetriesOfAShard,
            ["template"] = new JsonObject { ["spec"] = Pod(job) },
        },
    };

    private JsonObject Pod(Job job)
    {
        var container = Container(job);
        var pod = new JsonObject { ["restartPolicy"] = "Never", ["containers"] = new JsonArray(container) };
        if (Secret is not null)
            container["envFrom"] = new JsonArray(new JsonObject { ["secretRef"] = new JsonObject { ["name"] = Secret } });
        if (Volume is var (claim, path))
        {
            container["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "data", ["mountPath"] = path });
            pod["volumes"] =
                new JsonArray(new JsonObject { ["name"] = "data", ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = claim } });
        }
        return pod;
    }

    private JsonObject Container(Job job)
    {
        var count = processors.ToString(CultureInfo.InvariantCulture);
        var store = job.IsInBucket ? Store.Select(name => (name, Environment.GetEnvironmentVariable(name))) : [];
        (string Name, string? Value)[] variables = [("OMP_NUM_THREADS", count), .. store];
        return new()
        {
            ["name"] = "torchfx",
            ["image"] = image,
            // A row with an error is a result; a pod that ends with it has not failed.
            ["command"] = Texts(["sh", "-c", $"\"$0\" \"$@\"; code=$?; [ $code -eq {Tool.WithErrors} ] && exit 0; exit $code", .. command]),
            ["env"] = new JsonArray([.. variables.Where(variable => variable.Value is not null)
                .Select(variable => (JsonNode)new JsonObject { ["name"] = variable.Name, ["value"] = variable.Value })]),
            ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["cpu"] = count, ["memory"] = memory },
                ["limits"] = new JsonObject { ["memory"] = memory } },
        };
    }

    private static JsonArray Texts(IEnumerable<string> texts) => [.. texts.Select(text => (JsonNode)text)];
}
