using System.CommandLine;
using TorchSharp.Fx.Data;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx job create DIR MODEL SOURCE…</c></summary>
internal sealed class JobCreateCommand : JobFolderCommand
{
    private readonly ExtractionOptions options = new();
    private readonly TableOptions table = new();
    private readonly Argument<string[]> inputs =
        new("SOURCE") { Description =
            "Files, folders, patterns, archives (.tar, .tar.gz, .zip) and manifests (.csv, .tsv, .jsonl, .parquet).",
                Arity = ArgumentArity.OneOrMore };
    private readonly Option<int> shardSize =
        new("--shard-size") { Description = "The number of inputs per shard. A process that dies loses its present shard.", HelpName = "N",
            DefaultValueFactory = _ => 10_000 };

    public JobCreateCommand()
        : base("create", "Lists the inputs, splits them into shards, and writes all settings that affect the results to job.json.",
        "job create features resnet50 photos --nodes embedding --weights DEFAULT --batch 8 --optimised",
        "job create features resnet50 shards/*.tar --nodes embedding=f --weights resnet50.safetensors --shard-size 5000 --float16")
    {
        options.AddTo(this, inputs);
        Add(shardSize);
        table.AddToJob(this);
        shardSize.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < 1)
                result.AddError($"--shard-size must be 1 or more, not {number}.");
        });
        SetAction(Run);
    }

    private async Task<int> Run(ParseResult parsed, CancellationToken token)
    {
        var source = table.Source(parsed, parsed.GetRequiredValue(inputs));
        var arguments = ExtractionOptions.Arguments(parsed);
        using var model = JobModel.Build(arguments, table.Pipeline(parsed, batch: 1).IsHalf);
        var job = await Job.CreateAsync(parsed.GetRequiredValue(folder), model.Settings(arguments), source, model.Pipeline.Columns,
            parsed.GetValue(shardSize), token);
        Console.Out.WriteLine(job.Folder);
        Console.Error.WriteLine(
            FormattableString.Invariant(
                $"{job.Definition.Rows} inputs, {job.Definition.Shards} shards; 'torchfx job run {job.Folder}' computes them"));
        return 0;
    }
}
