using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class StructTests
{
    private struct State(Tensor value, long rows)
    {
        public Tensor Value = value;
        public long Rows = rows;
        public int Steps;

        public void Step(int by)
        {
            Value = Value + by;
            Rows *= 2;
            Steps++;
        }

        public State Next()
        {
            var copy = this;
            copy.Step(10);
            return copy;
        }
    }

    private sealed class Mutating : nn.Module<Tensor, Tensor>
    {
        private State kept;

        public Mutating() : base(nameof(Mutating)) { }

        public override Tensor forward(Tensor x)
        {
            var state = new State(x, x.shape[0]);
            state.Step(1);
            var next = state.Next();
            next.Value = next.Value.relu();
            var states = new[] { state, next };
            states[0].Step(2);
            kept = states[0];
            kept.Step(3);
            Change(ref states[1]);
            return kept.Value * kept.Rows + states[1].Value * state.Steps + states[0].Steps + state.Rows;
        }

        private static void Change(ref State state) => state.Step(4);
    }

    [Fact]
    public void Structs_are_copied_and_changed_in_place_as_in_the_CLR()
        => Traced.Check(new Tracer { state = TracedState.dropped }, new Mutating(), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %add : [num_users=2] = call_function[target=add](%x, 1)
                %mul : [num_users=3] = call_function[target=mul](%getitem, 2)
                %add_1 : [num_users=1] = call_function[target=add](%add, 10)
                %mul_1 : [num_users=1] = call_function[target=mul](%mul, 2)
                %relu : [num_users=1] = call_method[target=relu](%add_1)
                %add_2 : [num_users=1] = call_function[target=add](%add, 2)
                %mul_2 : [num_users=1] = call_function[target=mul](%mul, 2)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 3)
                %mul_3 : [num_users=1] = call_function[target=mul](%mul_2, 2)
                %add_4 : [num_users=1] = call_function[target=add](%relu, 4)
                %mul_4 : [num_users=0] = call_function[target=mul](%mul_1, 2)
                %mul_5 : [num_users=1] = call_function[target=mul](%add_3, %mul_3)
                %mul_6 : [num_users=1] = call_function[target=mul](%add_4, 1)
                %add_5 : [num_users=1] = call_function[target=add](%mul_5, %mul_6)
                %add_6 : [num_users=1] = call_function[target=add](%add_5, 2)
                %add_7 : [num_users=1] = call_function[target=add](%add_6, %mul)
                return %add_7
            """, null, [[Traced.Sample(0, 2, 4)], [Traced.Sample(0, 3, 6)]]);

    private readonly record struct Size(long Height, long Width)
    {
        public long Area => Height * Width;
    }

    private sealed record Output(Tensor Logits, Tensor? Aux = null)
    {
        public required int Level { get; init; }
    }

    private sealed class Records : nn.Module<Tensor, Tensor>
    {
        private static readonly Output Preset = new(null!) { Level = 3 };

        public Records() : base(nameof(Records)) { }

        public override Tensor forward(Tensor x)
        {
            var size = new Size(x.shape[0], 3);
            var wider = size with { Width = 5 };
            var (height, width) = wider;
            var output = new Output(x) { Level = 1 };
            var better = output with { Aux = x.relu(), Level = 2 };
            var (logits, aux) = better;
            var same = Preset == (Preset with { Level = 3 }) && new Size(1, 2) == new Size(1, 2) && new Size(1, 2) != new Size(2, 1);
            return logits * height + aux! * wider.Area + width + better.Level + (same ? 100 : 0);
        }
    }

    [Fact]
    public void Records_with_deconstruction_and_equality()
        => Traced.Check(new Records(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=2] = call_function[target=getitem](%getattr_1, 0)
                %relu : [num_users=1] = call_method[target=relu](%x)
                %mul : [num_users=1] = call_function[target=mul](%x, %getitem)
                %mul_1 : [num_users=1] = call_function[target=mul](%getitem, 5)
                %mul_2 : [num_users=1] = call_function[target=mul](%relu, %mul_1)
                %add : [num_users=1] = call_function[target=add](%mul, %mul_2)
                %add_1 : [num_users=1] = call_function[target=add](%add, 5)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 2)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, 100)
                return %add_3
            """);

    private sealed class Returned : nn.Module<Tensor, (Tensor First, Output Second)>
    {
        public Returned() : base(nameof(Returned)) { }

        public override (Tensor First, Output Second) forward(Tensor x) => (x.relu(), new Output(x + 1, x.neg()) { Level = 7 });
    }

    [Fact]
    public void A_tuple_with_a_record_as_result()
        => Traced.Check(new Returned(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %relu : [num_users=1] = call_method[target=relu](%x)
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %neg : [num_users=1] = call_method[target=neg](%x)
                return (%relu, Output(Logits=%add, Aux=%neg, Level=7))
            """);

    private sealed class Tuples : nn.Module<Tensor, Tensor>
    {
        public Tuples() : base(nameof(Tuples)) { }

        public override Tensor forward(Tensor x)
        {
            var (q, (k, n)) = Split(x);
            (q, k) = (k, q);
            var nested = (q, inner: (k, n), 1, 2, 3, 4, 5, 6, eighth: k);
            if ((1, "a") == (1, "a") && nested.Item3 == 1)
                nested.inner.k = nested.inner.k.abs();
            var (_, count) = nested.inner;
            var old = Tuple.Create(q, 2);
            var (reference, two) = old;
            return nested.q - nested.inner.k + nested.eighth * count + reference * two;
        }

        private static (Tensor, (Tensor K, long N)) Split(Tensor x) => (x.relu(), (x.tanh(), x.size(1)));
    }

    [Fact]
    public void Tuples_deconstruction_and_swap()
        => Traced.Check(new Tuples(), """
            graph(%x):
                %x : [num_users=3] = placeholder[target=x]
                %relu : [num_users=2] = call_method[target=relu](%x)
                %tanh : [num_users=2] = call_method[target=tanh](%x)
                %size : [num_users=1] = call_method[target=size](%x, 1)
                %abs_1 : [num_users=1] = call_method[target=abs](%relu)
                %sub : [num_users=1] = call_function[target=sub](%tanh, %abs_1)
                %mul : [num_users=1] = call_function[target=mul](%relu, %size)
                %add : [num_users=1] = call_function[target=add](%sub, %mul)
                %mul_1 : [num_users=1] = call_function[target=mul](%tanh, 2)
                %add_1 : [num_users=1] = call_function[target=add](%add, %mul_1)
                return %add_1
            """);

    private sealed class Nullables(int? heads, double? scale) : nn.Module<Tensor, Tensor>(nameof(Nullables))
    {
        public override Tensor forward(Tensor x)
        {
            long? rows = heads.HasValue ? x.shape[0] : null;
            long? more = rows + 1;
            int? none = heads is null ? 1 : default(int?);
            x = x * (scale ?? 2.5) + (none ?? 4) + heads.GetValueOrDefault();
            if (rows is { } known)
                x = x + known;
            if (scale is not null || none > 3)
                x = x.relu();
            return more.HasValue ? x + more.Value : x;
        }
    }

    [Fact]
    public void Nullable_numbers()
        => Traced.Check(new Nullables(3, null), """
            graph(%x):
                %x : [num_users=2] = placeholder[target=x]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%x, shape)
                %getitem : [num_users=2] = call_function[target=getitem](%getattr_1, 0)
                %add : [num_users=1] = call_function[target=add](%getitem, 1)
                %mul : [num_users=1] = call_function[target=mul](%x, 2.5)
                %add_1 : [num_users=1] = call_function[target=add](%mul, 4)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 3)
                %add_3 : [num_users=1] = call_function[target=add](%add_2, %getitem)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, %add)
                return %add_4
            """);

    [Flags]
    private enum Parts : byte { None = 0, Head = 1, Tail = 2, All = Head | Tail }

    private sealed class Enums(Parts parts) : nn.Module<Tensor, Tensor>(nameof(Enums))
    {
        public override Tensor forward(Tensor x)
        {
            if ((parts & Parts.Head) != 0)
                x = x + 1;
            if (parts.HasFlag(Parts.Tail))
                x = x + 2;
            if ((parts ^ Parts.All) == Parts.None && Enum.IsDefined(parts))
                x = x + (int)parts;
            Parts[] all = [parts, ~parts & Parts.All];
            return x * all.Length + (byte)all[1] + all[0].ToString().Length;
        }
    }

    [Fact]
    public void Enums_and_flags()
        => Traced.Check(new Enums(Parts.All), """
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %add : [num_users=1] = call_function[target=add](%x, 1)
                %add_1 : [num_users=1] = call_function[target=add](%add, 2)
                %add_2 : [num_users=1] = call_function[target=add](%add_1, 3)
                %mul : [num_users=1] = call_function[target=mul](%add_2, 2)
                %add_3 : [num_users=1] = call_function[target=add](%mul, 0)
                %add_4 : [num_users=1] = call_function[target=add](%add_3, 3)
                return %add_4
            """);
}
