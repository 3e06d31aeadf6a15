using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing.Tensors;

/// <summary>Inputs and results that are tuples, arrays, lists, dictionaries, records and structs of tensors.</summary>
public class StructureTests
{
    private sealed class TupleIn() : Module<(Tensor, Tensor), (Tensor, Tensor)>("TupleIn")
    {
        public override (Tensor, Tensor) forward((Tensor, Tensor) pair)
        {
            var (a, b) = pair;
            return (b + pair.Item1, a);
        }
    }

    [Fact]
    public void A_tuple_goes_in_and_out() => Traced.Check(new TupleIn(), """
        graph(%pair):
            %pair : [num_users=3] = placeholder[target=pair]
            %getitem : [num_users=1] = call_function[target=getitem](%pair, 0)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%pair, 1)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%pair, 0)
            %add : [num_users=1] = call_function[target=add](%getitem_1, %getitem_2)
            return (%add, %getitem)
        """, [(rand(2), rand(2))]);

    private sealed class NamedTuple() : Module<Tensor, (Tensor Mean, Tensor[] All, long Count)>("NamedTuple")
    {
        public override (Tensor Mean, Tensor[] All, long Count) forward(Tensor x)
        {
            var result = (Mean: x.mean(), All: new[] { x, x * 2 }, Count: x.shape[0]);
            result.Mean = result.Mean + 1;
            return result;
        }
    }

    [Fact]
    public void A_nested_result_goes_out() => Traced.Check(new NamedTuple(), """
        graph(%x):
            %x : [num_users=4] = placeholder[target=x]
            %mean : [num_users=1] = call_method[target=mean](%x)
            %mul : [num_users=1] = call_function[target=mul](%x, 2)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            %add : [num_users=1] = call_function[target=add](%mean, 1)
            return (%add, [%x, %mul], %getitem)
        """, [rand(2)], [rand(3)]);

    private sealed class ArrayIn() : Module<Tensor[], List<Tensor>>("ArrayIn")
    {
        public override List<Tensor> forward(Tensor[] xs) => [xs[0] + xs[1], xs[0]];
    }

    [Fact]
    public void An_array_goes_in_and_a_list_goes_out() => Traced.Check(new ArrayIn(), """
        graph(%xs):
            %xs : [num_users=3] = placeholder[target=xs]
            %getitem : [num_users=1] = call_function[target=getitem](%xs, 0)
            %getitem_1 : [num_users=1] = call_function[target=getitem](%xs, 1)
            %add : [num_users=1] = call_function[target=add](%getitem, %getitem_1)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%xs, 0)
            return [%add, %getitem_2]
        """, [(object)new[] { rand(2), rand(2) }]);

    private sealed class ListIn() : Module<IList<Tensor>, Tensor>("ListIn")
    {
        public override Tensor forward(IList<Tensor> xs) => cat(xs, 0) + xs[1].sum() + stack(xs).sum();
    }

    [Fact]
    public void A_list_goes_in() => Traced.Check(new ListIn(), """
        graph(%xs):
            %xs : [num_users=3] = placeholder[target=xs]
            %cat : [num_users=1] = call_function[target=cat](%xs, 0)
            %getitem : [num_users=1] = call_function[target=getitem](%xs, 1)
            %sum_1 : [num_users=1] = call_method[target=sum](%getitem, None)
            %add : [num_users=1] = call_function[target=add](%cat, %sum_1)
            %stack : [num_users=1] = call_function[target=stack](%xs, 0)
            %sum_2 : [num_users=1] = call_method[target=sum](%stack, None)
            %add_1 : [num_users=1] = call_function[target=add](%add, %sum_2)
            return %add_1
        """, [new List<Tensor> { rand(2), rand(2) }]);

    private sealed class Dictionaries() : Module<Dictionary<string, Tensor>, Dictionary<string, Tensor>>("Dictionaries")
    {
        public override Dictionary<string, Tensor> forward(Dictionary<string, Tensor> inputs)
        {
            var result = new Dictionary<string, Tensor> { ["sum"] = inputs["a"] + inputs["b"] };
            result["a"] = inputs["a"].relu();
            result.Add("twice", result["sum"] * 2);
            if (result.TryGetValue("sum", out var sum))
                result["again"] = sum + 1;
            return result;
        }
    }

    [Fact]
    public void A_dictionary_goes_in_and_out() => Traced.Check(new Dictionaries(), """
        graph(%inputs):
            %inputs : [num_users=3] = placeholder[target=inputs]
            %getitem : [num_users=1] = call_function[target=getitem](%inputs, 'a')
            %getitem_1 : [num_users=1] = call_function[target=getitem](%inputs, 'b')
            %add : [num_users=3] = call_function[target=add](%getitem, %getitem_1)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%inputs, 'a')
            %relu : [num_users=1] = call_method[target=relu](%getitem_2)
            %mul : [num_users=1] = call_function[target=mul](%add, 2)
            %add_1 : [num_users=1] = call_function[target=add](%add, 1)
            return {'sum': %add, 'a': %relu, 'twice': %mul, 'again': %add_1}
        """, [new Dictionary<string, Tensor> { ["a"] = rand(2), ["b"] = rand(2) }]);

    private sealed record Batch(Tensor Images, Tensor? Mask)
    {
        public Tensor Masked => Mask is null ? Images : Images * Mask;
    }

    private sealed class Output
    {
        public Tensor? Logits { get; set; }

        public Tensor? Hidden;
    }

    private sealed class Records() : Module<Batch, Output>("Records")
    {
        public override Output forward(Batch batch)
        {
            var (images, mask) = batch;
            return new Output { Logits = images * mask! + batch.Masked, Hidden = batch.Images };
        }
    }

    [Fact]
    public void A_record_goes_in_and_an_object_goes_out() => Traced.Check(new Records(), """
        graph(%batch):
            %batch : [num_users=6] = placeholder[target=batch]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%batch, Images)
            %getattr_2 : [num_users=1] = call_function[target=getattr](%batch, Mask)
            %mul : [num_users=1] = call_function[target=mul](%getattr_1, %getattr_2)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%batch, Mask)
            %ne : [num_users=1] = call_function[target=ne](%getattr_3, None)
            %_assert : [num_users=0] = call_function[target=_assert](%ne, 'traced with getattr_3 != None at StructureTests.cs:116; trace again with example inputs that have null there')
            %getattr_4 : [num_users=1] = call_function[target=getattr](%batch, Images)
            %getattr_5 : [num_users=1] = call_function[target=getattr](%batch, Mask)
            %mul_1 : [num_users=1] = call_function[target=mul](%getattr_4, %getattr_5)
            %add : [num_users=1] = call_function[target=add](%mul, %mul_1)
            %getattr_6 : [num_users=1] = call_function[target=getattr](%batch, Images)
            return Output(Logits=%add, Hidden=%getattr_6)
        """, [new Batch(rand(2), rand(2))]);

    private sealed class Returns() : Module<Tensor, object>("Returns")
    {
        public override object forward(Tensor x) => new Dictionary<string, object> { ["y"] = x * 2, ["n"] = x.shape[0], ["list"] = new List<Tensor> { x }, ["text"] = "a" };
    }

    [Fact]
    public void Boxed_results_go_out() => Traced.Check(new Returns(), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %mul : [num_users=1] = call_function[target=mul](%x, 2)
            %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
            %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
            return {'y': %mul, 'n': %getitem, 'list': [%x], 'text': 'a'}
        """, [rand(2)], [rand(3)]);

    private sealed class Nested() : Module<(Tensor, (Tensor, long)), Dictionary<int, (Tensor, Tensor?)>>("Nested")
    {
        public override Dictionary<int, (Tensor, Tensor?)> forward((Tensor, (Tensor, long)) input)
        {
            var (a, (b, n)) = input;
            return new() { [1] = (a * n, null), [2] = (b, a) };
        }
    }

    [Fact]
    public void Nested_tuples_go_in_and_out() => Traced.Check(new Nested(), """
        graph(%input_1):
            %input_1 : [num_users=2] = placeholder[target=input]
            %getitem : [num_users=2] = call_function[target=getitem](%input_1, 1)
            %getitem_1 : [num_users=2] = call_function[target=getitem](%input_1, 0)
            %getitem_2 : [num_users=1] = call_function[target=getitem](%getitem, 0)
            %getitem_3 : [num_users=1] = call_function[target=getitem](%getitem, 1)
            %mul : [num_users=1] = call_function[target=mul](%getitem_1, %getitem_3)
            return {1: (%mul, None), 2: (%getitem_2, %getitem_1)}
        """, [(rand(2), (rand(2), 3L))]);

    private struct Pair
    {
        public Tensor Left;
        public Tensor? Right;

        public readonly Tensor Sum => Right is null ? Left : Left + Right;
    }

    private sealed class Structs() : Module<Pair, Pair>("Structs")
    {
        public override Pair forward(Pair pair)
        {
            var copy = pair;
            copy.Left = pair.Sum * 2;
            pair.Right = copy.Left.relu();
            return new Pair { Left = copy.Left, Right = pair.Right };
        }
    }

    [Fact]
    public void A_struct_goes_in_and_out() => Traced.Check(new Structs(), """
        graph(%pair):
            %pair : [num_users=7] = placeholder[target=pair]
            %getattr_1 : [num_users=1] = call_function[target=getattr](%pair, Right)
            %ne : [num_users=1] = call_function[target=ne](%getattr_1, None)
            %_assert : [num_users=0] = call_function[target=_assert](%ne, 'traced with getattr_1 != None at StructureTests.cs:194; trace again with example inputs that have null there')
            %getattr_2 : [num_users=1] = call_function[target=getattr](%pair, Left)
            %getattr_3 : [num_users=1] = call_function[target=getattr](%pair, Right)
            %add : [num_users=1] = call_function[target=add](%getattr_2, %getattr_3)
            %mul : [num_users=2] = call_function[target=mul](%add, 2)
            %getattr_4 : [num_users=0] = call_function[target=getattr](%pair, Left)
            %getattr_5 : [num_users=0] = call_function[target=getattr](%pair, Right)
            %relu : [num_users=1] = call_method[target=relu](%mul)
            %getattr_6 : [num_users=0] = call_function[target=getattr](%pair, Left)
            %getattr_7 : [num_users=0] = call_function[target=getattr](%pair, Right)
            return Pair(Left=%mul, Right=%relu)
        """, [new Pair { Left = rand(2), Right = rand(2) }]);

    private sealed class Arrays() : Module<Tensor, Tensor[][]>("Arrays")
    {
        public override Tensor[][] forward(Tensor x) => [[x, x + 1], [], [.. x.chunk(2)]];
    }

    [Fact]
    public void Arrays_of_arrays_go_out() => Traced.Check(new Arrays(), """
        graph(%x):
            %x : [num_users=3] = placeholder[target=x]
            %add : [num_users=1] = call_function[target=add](%x, 1)
            %chunk : [num_users=1] = call_method[target=chunk](%x, 2, 0)
            return [[%x, %add], [], %chunk]
        """, [rand(2)]);
}
