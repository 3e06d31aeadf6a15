using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>Rows come out in order, each with what the model gives for it alone, whatever becomes of its neighbours.</summary>
public sealed class PipelineTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public async Task Rows_have_what_the_model_gives_for_each_tensor_in_any_batch(int batch)
    {
        var tensors = Enumerable.Range(0, 20).Select(i => (Path: $"t{i}", Value: (float)i)).ToArray();
        var pipeline = Sums(new() { BatchSize = batch, Workers = 3 });
        var rows = await pipeline.Rows(DataSource.Of(tensors.Select(entry => (entry.Path, (Func<Tensor>)(() => full([4], entry.Value))))
            .ToAsyncEnumerable()));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => ((long)i, $"t{i}", 4f * i)),
            rows.Select(row => (row.Row, row.Path, ((float[])row.Features[0].Elements)[0])));
        Assert.Equal([("sum", typeof(float), "1"), ("index", typeof(long), "4")],
            pipeline.Columns.Select(column => (column.Key, column.Type, string.Join("x", column.Shape))));
    }

    [Fact]
    public async Task What_the_model_refuses_is_an_error_of_that_row_alone()
    {
        var rows = await Sums(new() { BatchSize = 4 })
            .Rows(DataSource.Of(Enumerable.Range(0, 6).Select(i => ($"t{i}", (Func<Tensor>)(() => i == 2 ? zeros(7) : full([4], i))))
            .ToAsyncEnumerable()));
        Assert.Equal([0, 4, -1, 12, 16, 20], rows.Select(row => row.Error is null ? ((float[])row.Features[0].Elements)[0] : -1));
        Assert.StartsWith("The model refuses t2: ", rows[2].Error);
    }

    [Fact]
    public async Task A_model_always_runs_on_whole_batches_with_every_row_at_its_place()
    {
        var places = new List<(int Place, float Value)>();
        var pipeline = Sums(new() { BatchSize = 4, Workers = 1 }, input =>
        {
            Assert.Contains(input.shape[0], new long[] { 1, 4 });
            if (input.shape[0] == 4)
                places.AddRange(input.select(1, 0).data<float>().ToArray().Select((value, place) => (place, value))
                    .Where(entry => entry.value != 0));
        });
        await foreach (var _ in pipeline.RunAsync(Items(1, 2, 7, 9), cancellation: TestContext.Current.CancellationToken))
        {
        }
        Assert.Equal([(1, 1), (2, 2), (3, 7), (1, 9)], places);
    }

    [Fact]
    public async Task Inputs_are_read_no_further_ahead_than_there_is_room_and_nothing_is_left_when_the_reader_stops()
    {
        var listed = 0;
        await foreach (var row in Sums(new() { BatchSize = 2 }).RunAsync(Endless(TestContext.Current.CancellationToken), cancellation: TestContext.Current.CancellationToken))
            if (row.Row == 10)
                break;
        Assert.InRange(listed, 11, 200);

        async IAsyncEnumerable<DataItem> Endless([EnumeratorCancellation] CancellationToken cancellation = default)
        {
            for (var i = 0L; ; i++)
            {
                await Task.Yield();
                cancellation.ThrowIfCancellationRequested();
                listed++;
                yield return new(i, $"t{i}", new TensorContent(() => ones(4)), []);
            }
        }
    }

    [Fact]
    public async Task A_source_that_fails_and_a_cancellation_end_the_run()
    {
        var failed = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await foreach (var _ in Sums().RunAsync(Failing(), cancellation: TestContext.Current.CancellationToken))
            {
            }
        });
        Assert.Equal("no more", failed.Message);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var row in Sums().RunAsync(Items([.. Enumerable.Range(0, 1000)]), cancellation: stop.Token))
                if (row.Row == 5)
                    await stop.CancelAsync();
        });

        static async IAsyncEnumerable<DataItem> Failing()
        {
            yield return new(0, "t", new TensorContent(() => ones(4)), []);
            await Task.Yield();
            throw new InvalidOperationException("no more");
        }
    }

    [Fact]
    public void A_feature_without_the_batch_is_refused_before_anything_runs()
    {
        using var example = ones(4);
        var refused = Assert.Throws<ArgumentException>(()
            => new FeaturePipeline(input => new Dictionary<string, Tensor> { ["total"] = input.sum() }, example));
        Assert.Equal("The feature 'total' has the shape [], whose first dimension is not the batch: it can't be told which input it belongs to.", refused.Message);
    }

    [Fact]
    public async Task With_fail_fast_a_broken_input_ends_the_run()
    {
        var failed = await Assert.ThrowsAsync<InvalidDataException>(async () =>
        {
            await foreach (var _ in Sums(new() { FailFast = true })
                .RunAsync(new[] { new DataItem(0, "x", new BrokenContent("x is broken."), []) }.ToAsyncEnumerable(),
                cancellation: TestContext.Current.CancellationToken))
            {
            }
        });
        Assert.Equal("x is broken.", failed.Message);
    }

    private static IAsyncEnumerable<DataItem> Items(params int[] rows)
        => rows.Select(row => new DataItem(row, $"t{row}", new TensorContent(() => full([4], (float)row)), [])).ToAsyncEnumerable();

    private static FeaturePipeline Sums(FeaturePipelineOptions? options = null, Action<Tensor>? see = null)
    {
        using var example = ones(4);
        return new(input =>
        {
            see?.Invoke(input);
            if (input.shape[^1] != 4)
                throw new ExternalException("four numbers, please");
            return new Dictionary<string, Tensor> { ["sum"] = input.sum(1, keepdim: true), ["index"] = input.to(ScalarType.Int64) };
        }, example, options);
    }
}
