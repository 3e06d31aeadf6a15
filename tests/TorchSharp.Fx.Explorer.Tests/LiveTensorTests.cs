using TorchSharp.Fx.Tests;

namespace TorchSharp.Fx.Explorers.Tests;

/// <summary>Questions leave no tensors behind but the values that are kept, and a stopped explorer none at all.</summary>
[Collection(nameof(Alone))]
public sealed class LiveTensorTests
{
    private static readonly string[] Paths =
    [
        "/api/node?node=block1.bn&input=0", "/api/picture?kind=channels&node=block1.bn&input=0",
            "/api/picture?kind=grad-cam&node=block1&input=0",
        "/api/picture?kind=components&node=block2&input=0", "/api/neighbours?node=block1.bn&input=0",
            "/api/patches?node=block1.bn&channel=0",
        "/api/download?nodes=block1,fc&input=0", "/api/node?form=optimised&node=fc&input=0", "/api/node?mode=train&node=fc&input=0",
    ];

    [Fact]
    public async Task Questions_leave_no_tensors_behind()
    {
        using var model = new SmallNet();
        await using var page = await Page.Of(model, Page.Photographs[..2]);
        LiveTensors.AssertStay(() =>
        {
            foreach (var path in Paths)
                page.Bytes(path).GetAwaiter().GetResult();
        }, 2);
    }

    [Fact]
    public async Task A_stopped_explorer_leaves_none()
    {
        using var model = new SmallNet();
        LiveTensors.AssertStay(() => Task.Run(async () =>
        {
            await using var page = await Page.Of(model, Page.Photographs[..1]);
            await page.Bytes("/api/node?node=block1&input=0");
            await page.Bytes("/api/node?form=optimised&node=fc&input=0");
        }).GetAwaiter().GetResult(), 2);
        await Task.CompletedTask;
    }
}
