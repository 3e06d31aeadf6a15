using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Who disposes what is the run's business: scopes and <c>using</c> leave no trace in a graph, and take nothing from it.</summary>
public class ScopeTests
{
    private sealed class Usings() : Module<Tensor, Tensor>("Usings")
    {
        public override Tensor forward(Tensor x)
        {
            using var doubled = x * 2;
            using (var shifted = doubled + 1)
                return shifted.relu();
        }
    }

    [Fact]
    public void Using_leaves_no_node() => Traced.Check(new Usings(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %mul : [num_users=1] = call_function[target=mul](%x, 2)
            %add : [num_users=1] = call_function[target=add](%mul, 1)
            %relu : [num_users=1] = call_method[target=relu](%add)
            return %relu
        """, [rand(2, 3) - 0.5]);

    private sealed class OuterScope() : Module<Tensor, Tensor>("OuterScope")
    {
        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            var y = x.relu();
            y = y + x;
            return y.MoveToOuterDisposeScope();
        }
    }

    [Fact]
    public void Moving_to_the_outer_scope_leaves_no_node() => Traced.Check(new OuterScope(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %relu : [num_users=1] = call_method[target=relu](%x)
            %add : [num_users=1] = call_function[target=add](%relu, %x)
            return %add
        """, [rand(2, 3) - 0.5]);

    private sealed class Detaching() : Module<Tensor, Tensor>("Detaching")
    {
        public override Tensor forward(Tensor x)
        {
            using (var scope = NewDisposeScope())
            {
                var y = scope.Detach(x.relu() * 3);
                return y.DetachFromDisposeScope();
            }
        }
    }

    [Fact]
    public void Detaching_leaves_no_node() => Traced.Check(new Detaching(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %relu : [num_users=1] = call_method[target=relu](%x)
            %mul : [num_users=1] = call_function[target=mul](%relu, 3)
            return %mul
        """, [rand(2, 3) - 0.5]);

    private sealed class Tuples() : Module<Tensor, (Tensor, Tensor)>("Tuples")
    {
        public override (Tensor, Tensor) forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            var a = x.sin();
            var b = x.cos();
            return scope.MoveToOuter(a, b);
        }
    }

    [Fact]
    public void A_tuple_moves_to_the_outer_scope() => Traced.Check(new Tuples(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %sin : [num_users=1] = call_method[target=sin](%x)
            %cos : [num_users=1] = call_method[target=cos](%x)
            return (%sin, %cos)
        """, [rand(2, 3)]);

    private sealed class Lists() : Module<Tensor, Tensor[]>("Lists")
    {
        public override Tensor[] forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            var results = new List<Tensor>();
            for (var i = 0; i < 2; i++)
                results.Add((x + i).MoveToOuterDisposeScope());
            scope.MoveToOuter(results);
            foreach (var t in results)
                scope.MoveToOuter(t);
            return results.ToArray();
        }
    }

    [Fact]
    public void A_list_moves_to_the_outer_scope() => Traced.Check(new Lists(), """
        graph(%x):
            %x : [num_users=2] = placeholder[target=x]
            %add : [num_users=1] = call_function[target=add](%x, 0)
            %add_1 : [num_users=1] = call_function[target=add](%x, 1)
            return [%add, %add_1]
        """, [rand(2, 3)]);

    private sealed class EverythingBut() : Module<Tensor, Tensor>("EverythingBut")
    {
        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            var grid = arange(3f);
            var y = x * grid;
            scope.DisposeEverythingBut(y);
            return (y + 1).MoveToOuterDisposeScope();
        }
    }

    [Fact]
    public void A_constant_outlives_the_scope_that_made_it() => Traced.Check(new EverythingBut(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %mul : [num_users=1] = call_function[target=mul](%x, %_tensor_constant0)
            %add : [num_users=1] = call_function[target=add](%mul, 1)
            return %add
        """, [rand(2, 3)]);

    private sealed class UsedConstant() : Module<Tensor, Tensor>("UsedConstant")
    {
        public override Tensor forward(Tensor x)
        {
            using var ramp = arange(3f);
            using var twice = ramp * 2;
            return x + twice + ramp;
        }
    }

    [Fact]
    public void A_constant_outlives_its_using() => Traced.Check(new UsedConstant(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %add : [num_users=1] = call_function[target=add](%x, %_tensor_constant0)
            %_tensor_constant1 : [num_users=1] = get_attr[target=_tensor_constant1]
            %add_1 : [num_users=1] = call_function[target=add](%add, %_tensor_constant1)
            return %add_1
        """, [rand(2, 3)]);

    private sealed class Nested() : Module<Tensor, Tensor>("Nested")
    {
        public override Tensor forward(Tensor x)
        {
            using var outer = NewDisposeScope();
            Tensor y;
            using (NewDisposeScope())
            {
                y = x.sin().MoveToOuterDisposeScope();
                y = y.cos().MoveToOtherDisposeScope(outer);
            }
            return y.exp().MoveToOuterDisposeScope();
        }
    }

    [Fact]
    public void Scopes_nest() => Traced.Check(new Nested(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %sin : [num_users=1] = call_method[target=sin](%x)
            %cos : [num_users=1] = call_method[target=cos](%sin)
            %exp : [num_users=1] = call_method[target=exp](%cos)
            return %exp
        """, [rand(3)]);

    private sealed class Loop() : Module<Tensor, Tensor>("Loop")
    {
        public override Tensor forward(Tensor x)
        {
            var total = zeros(3);
            for (var i = 0; i < 2; i++)
                total = total + i;
            var old = total;
            total = total + x;
            old.Dispose();
            return total;
        }
    }

    [Fact]
    public void Disposing_a_constant_by_hand_keeps_it() => Traced.Check(new Loop(), """
        graph(%x):
            %x : [num_users=1] = placeholder[target=x]
            %_tensor_constant0 : [num_users=1] = get_attr[target=_tensor_constant0]
            %add : [num_users=1] = call_function[target=add](%_tensor_constant0, %x)
            return %add
        """, [rand(2, 3)]);
}
