using System.Reflection.Emit;
using Xunit;

namespace TorchSharp.Fx.Tests.Cil;

public class ExceptionRegionTests
{
    [Fact]
    public void Nested_regions_come_inner_first_in_instruction_indices()
    {
        var il = Emitted.Body(g =>
        {
            g.BeginExceptionBlock();
            g.Emit(OpCodes.Ldc_I4, 1);                            // 0
            g.Emit(OpCodes.Pop);                                  // 1
            g.BeginExceptionBlock();
            g.Emit(OpCodes.Ldc_I4, 2);                            // 2
            g.Emit(OpCodes.Pop);                                  // 3
            g.BeginCatchBlock(typeof(InvalidOperationException)); // 4: leave
            g.Emit(OpCodes.Pop);                                  // 5
            g.EndExceptionBlock();                                // 6: leave
            g.BeginFinallyBlock();                                // 7: leave
            g.Emit(OpCodes.Nop);                                  // 8
            g.EndExceptionBlock();                                // 9: endfinally
            g.Emit(OpCodes.Ret);                                  // 10
        });

        Assert.Equal(
            [
                new ExceptionRegion(RegionKind.Catch, 2, 5, 5, 7, -1, typeof(InvalidOperationException)),
                new ExceptionRegion(RegionKind.Finally, 0, 8, 8, 10, -1, null),
            ],
            il.Regions);
        Assert.Equal(
            [(Op.Leave, 7), (Op.Leave, 7), (Op.Leave, 10), (Op.EndFinally, 0)],
            il.Instructions.Where(i => i.Op is Op.Leave or Op.EndFinally).Select(i => (i.Op, i.Index)));
    }

    [Fact]
    public void A_filter_starts_before_its_handler()
    {
        static int Parse(string text)
        {
            try
            {
                return int.Parse(text, null);
            }
            catch (FormatException e) when (e.Message.Length > 3)
            {
                return -1;
            }
        }

        var il = MethodIL.Of(((Func<string, int>)Parse).Method)!;

        var region = Assert.Single(il.Regions);
        Assert.Equal(RegionKind.Filter, region.Kind);
        Assert.Null(region.CatchType);
        Assert.Equal(region.TryEnd, region.FilterStart);
        Assert.Equal(Op.EndFilter, il.Instructions[region.HandlerStart - 1].Op);
        Assert.Equal((Op.Isinst, typeof(FormatException)), (il.Instructions[region.FilterStart].Op, il.Instructions[region.FilterStart].Operand));
    }

    [Fact]
    public void A_fault_handler_ends_as_a_finally_handler_does()
    {
        var il = Emitted.Body(g =>
        {
            g.BeginExceptionBlock();
            g.Emit(OpCodes.Nop);
            g.BeginFaultBlock();
            g.EndExceptionBlock();
            g.Emit(OpCodes.Ret);
        });

        var region = Assert.Single(il.Regions);
        Assert.Equal(RegionKind.Fault, region.Kind);
        Assert.Equal(Op.EndFinally, il.Instructions[region.HandlerEnd - 1].Op);
    }

    [Fact]
    public void A_region_may_reach_the_end_of_the_body()
    {
        static void Fail()
        {
            try
            {
                throw new InvalidOperationException();
            }
            catch (NotSupportedException)
            {
                throw;
            }
        }

        var il = MethodIL.Of(((Action)Fail).Method)!;

        Assert.Equal(il.Instructions.Length, Assert.Single(il.Regions).HandlerEnd);
    }
}
