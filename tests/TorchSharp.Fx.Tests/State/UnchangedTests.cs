using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Collections.ObjectModel;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>
/// A trace leaves everything that was there before as it was, down to private fields of .NET's collections: by symbols, by example and when it is refused midway. What the program wrote is seen by
/// the rest of the trace, and reported.
/// </summary>
public sealed class UnchangedTests
{
    /// <summary>Changes its state in forward; then may come something that can't be traced.</summary>
    private sealed class Keeper<T>(T state, Func<T, Tensor, Tensor> change, bool fails) : nn.Module<Tensor, Tensor>("Keeper")
    {
        public T State = state;

        public override Tensor forward(Tensor x)
        {
            var result = change(State, x);
            if (fails && x.sum().item<float>() > 1000)
                result = result * 2;
            return result;
        }
    }

    /// <param name="make">The state: made anew for each trace, and for eager to compare with.</param>
    /// <param name="change">Changes it and gives a value that depends on the change.</param>
    /// <param name="dropped">What the report says; not looked at where null.</param>
    private static void Check<T>(Func<T> make, Func<T, Tensor, Tensor> change, string? dropped = null)
    {
        using var scope = NewDisposeScope();
        var x = Traced.Sample(0, 2, 4);
        var expected = new Keeper<T>(make(), change, false).call(x);
        foreach (var byExample in new[] { false, true })
            foreach (var fails in new[] { false, true })
            {
                var model = new Keeper<T>(make(), change, fails);
                var before = Picture.Of(model, typeof(Statics));
                var tracer = new Tracer();
                var trace = () => byExample ? tracer.trace(model, [x]) : tracer.trace(model);
                if (fails)
                    Assert.Throws<TraceException>(trace);
                else
                    _ = trace();
                Assert.Equal(before, Picture.Of(model, typeof(Statics)));
                // A run may keep what the program keeps.
                if (!fails)
                    Traced.Same(expected, new GraphInterpreter(model, tracer.graph, tracer.tensor_constants).run(x.clone()));
                if (dropped is not null)
                    Assert.Equal(dropped, string.Join("; ", tracer.report.dropped_state.Select(note => note.text).Distinct()));
                Traced.Same(expected, new Keeper<T>(make(), change, false).call(x));
            }
    }

    private static class Statics
    {
        public static int Count = 1;
        public static readonly List<int> Listed = [1];
        public static readonly Box Boxed = new();

        public static event Action<int>? Happened;

        public static int Reset()
        {
            (Count, Boxed.Number, Happened) = (1, 1, null);
            Listed.Clear();
            return 1;
        }

        public static bool IsWatched => Happened is not null;

        public static void Watch(Action<int> watcher) => Happened += watcher;
    }

    private sealed class Box
    {
        public int Number = 1;
        public Counted Inner = new() { Count = 1 };
        public object Boxed = new Counted { Count = 1 };
        public Action<int>? Happened;
    }

    private struct Counted
    {
        public int Count;
        public List<int>? Items;

        public int Next() => ++Count;
    }

    private sealed record Noted(int Number)
    {
        public int Number { get; set; } = Number;
        public List<int> Seen { get; } = [];
    }

    private sealed class Cache : Dictionary<int, (Tensor, Tensor)>
    {
        public int Hits { get; set; }
    }

    private sealed class Steps : List<int>
    {
        public int Total { get; private set; }

        public void Note(int step)
        {
            Add(step);
            Total += step;
        }
    }

    private sealed class Guarded : Collection<int>
    {
        public int Inserted { get; private set; }

        protected override void InsertItem(int index, int item)
        {
            Inserted++;
            Statics.Count++;
            base.InsertItem(index, item * 10);
        }
    }

    private sealed class Ring : Queue<int>;

    private sealed class Pile : Stack<int>;

    private sealed class Linked : LinkedList<int>;

    private sealed class Distinct : HashSet<int>;

    private sealed class Sorted : SortedDictionary<int, int>;

    private sealed class Ordered : SortedSet<int>;

    private sealed class Parallel : ConcurrentDictionary<string, int>;

    [Fact]
    public void A_cache_of_tensors_that_derives_from_a_dictionary()
        => Check(() => new Cache { [0] = (ones(2, 4), zeros(2, 4)) }, (cache, x) =>
        {
            cache.Hits++;
            cache.Add(cache.Count, (x, x * 2));
            cache[0] = (cache[0].Item1 + x, cache[1].Item2);
            return cache[0].Item1 + cache[1].Item2 + cache.Hits + cache.Count;
        }, "Cache.Hits; a Cache");

    [Fact]
    public void Classes_that_derive_from_collections()
    {
        Check(() => new Steps { 1 }, (steps, x) => { steps.Note(5); steps.Add(2); return x + steps.Total + steps.Count + steps[1]; }, "a Steps");
        Check(() => new Guarded { 1 }, (items, x) => { items.Add(5); items.RemoveAt(0); return x + items.Inserted + items[0] + items.Count; });
        Check(() => { var ring = new Ring(); ring.Enqueue(3); return ring; }, (ring, x) => { ring.Enqueue(4); return x + ring.Dequeue() + ring.Count; });
        Check(() => new Pile(), (pile, x) => { pile.Push(4); pile.Push(5); return x + pile.Pop() + pile.Count; });
        Check(() => new Linked(), (list, x) => { list.AddLast(4); list.AddFirst(7); list.First!.Value = 9; return x + list.First.Value + list.Count; });
        Check(() => new Distinct { 1 }, (set, x) => { set.Add(4); set.UnionWith([5, 6]); return x + set.Count; });
        Check(() => new Sorted { [1] = 2 }, (map, x) => { map[3] = 4; map.Remove(1); return x + map[3] + map.Count; });
        Check(() => new Ordered { 5 }, (set, x) => { set.Add(3); return x + set.Min; });
        Check(() => new Parallel { ["a"] = 1 }, (map, x) => { map.AddOrUpdate("a", 1, (_, old) => old + 5); map.TryAdd("b", 2); return x + map["a"] + map.Count; });
    }

    [Fact]
    public void Collections_of_dotnet()
    {
        Check(() => new List<int> { 3, 1 }, (list, x) => { list.Sort(); list.Insert(0, 7); list.Capacity = 100; return x + list[0] * 10 + list[1]; }, "a List<int>");
        Check(() => new Dictionary<string, List<int>> { ["a"] = [1] }, (map, x) => { map["a"].Add(2); map.TryAdd("b", [5]); return x + map.Values.Sum(list => list.Count) + map.Keys.Count; });
        Check(() => new LinkedList<int>([1, 2]), (list, x) => { list.First!.Next!.Value = 8; list.AddAfter(list.First, 6); return x + list.Sum() + list.Last!.Value; });
        Check(() => new LinkedList<int>([1, 2]).First!, (node, x) => { node.Value = 5; node.List!.AddLast(9); return x + node.Value + node.List.Count; });
        Check(() => new PriorityQueue<int, int>([(1, 5), (2, 3)]), (queue, x) => { queue.Enqueue(9, 1); return x + queue.Dequeue() + queue.Count; });
        Check(() => new Queue<int>([1, 2]), (queue, x) => { queue.Enqueue(3); queue.TryDequeue(out var first); return x + first + queue.Count; });
        Check(() => new BitArray(10), (bits, x) => { bits.Set(3, true); bits[4] = true; bits.Not(); return x + (bits[3] ? 1 : 2) + (bits[5] ? 10 : 20); });
        Check(() => new StringBuilder("a"), (text, x) => { text.Append("bc").Insert(0, 'd'); return x + text.Length; }, "a StringBuilder");
        Check(() => new SortedList<int, int> { [1] = 1 }, (list, x) => { list.Add(0, 5); return x + list.Values[0] + list.Count; });
        Check(() => new ConcurrentQueue<int>([1]), (queue, x) => { queue.Enqueue(5); queue.TryDequeue(out var first); return x + first + queue.Count; });
        Check(() => new ConcurrentStack<int>([1]), (stack, x) => { stack.Push(5); return x + stack.Count; });
        Check(() => new ArrayList { 1 }, (list, x) => { list.Add(5); return x + list.Count; });
        Check(() => new Hashtable { ["a"] = 1 }, (map, x) => { map["b"] = 5; return x + map.Count; });
        Check(() => new Collection<int> { 1 }, (list, x) => { list.Add(5); return x + list[1] + list.Count; });
        Check(() => new ObservableCollection<int> { 1 }, (list, x) => { list.Add(5); return x + list[1] + list.Count; });
        Check(() => ImmutableList.Create(1, 2), (list, x) => x + list.Add(5).Count, "");
        Check(() => ImmutableArray.CreateBuilder<int>(), (list, x) => { list.Add(5); return x + list.Count; });
        Check(() => new OrderedDictionary<string, int> { ["a"] = 1 }, (map, x) => { map["b"] = 2; return x + map.Count; });
        Check(() => (IList<int>)new List<int> { 1 }, (list, x) => { list.Add(4); list.RemoveAt(0); return x + list[0]; });
        Check(() => (IDictionary)new Dictionary<int, int> { [1] = 1 }, (map, x) => { map.Add(4, 5); return x + map.Count; });
        Check(() => new List<int> { 1, 2 }.GetEnumerator() as IEnumerator<int>, (items, x) => { items.MoveNext(); return x + items.Current; });
    }

    [Fact]
    public void What_is_only_read_is_not_told_as_changed()
    {
        Check(() => new List<int> { 1, 2 }, (list, x) => x + list.Count + list.Sum() + list.IndexOf(2) + list.ToArray().Length, "");
        Check(() => new Dictionary<int, int> { [1] = 2 }, (map, x) => x + map.Keys.Count + map.Values.First() + map.Count(pair => pair.Value > 1), "");
        Check(() => new List<int> { 1, 2 }, (list, x) => { list.Sort(); return x + list[0]; }, "");
        Check(() => new[] { 1, 2 }, (items, x) => x + string.Join(",", items).Length + items.Length, "");
    }

    [Fact]
    public void Arrays()
    {
        Check(() => new[] { new[] { 1 }, [2, 3] }, (rows, x) => { rows[1][0] += 5; rows[0] = rows[1]; return x + rows[0][0] + rows[0].Length; });
        Check(() => new int[2, 2], (grid, x) => { grid[1, 1] = 5; grid.SetValue(7, 0, 0); return x + grid[1, 1] + grid[0, 0]; });
        Check(() => new[] { 3, 1, 2 }, (items, x) => { Array.Sort(items); Array.Reverse(items); items.AsSpan().Slice(1).Fill(9); return x + items[0] * 100 + items[2]; });
        Check(() => new[] { 3, 1, 2 }, (items, x) => { items.AsSpan()[0] = 8; foreach (ref var item in items.AsSpan()) item++; return x + items.Sum(); });
        Check(() => new List<int> { 1, 2 }, (list, x) => { System.Runtime.InteropServices.CollectionsMarshal.AsSpan(list)[0] = 7; return x + list[0]; });
        Check(() => new ArraySegment<int>([1, 2, 3], 1, 2), (part, x) => { part[0] = 7; return x + part[0] + part.Array![1]; });
        Check(() => new Memory<int>([1, 2, 3]), (part, x) => { part.Span[0] = 7; return x + part.Span[0]; });
        Check(() => new Counted[1], (items, x) => { items[0].Count = 5; return x + items[0].Next() + items[0].Count; });
        Check(() => new int[4], (items, x) => { new List<int> { 5, 6 }.CopyTo(items); Buffer.BlockCopy(new[] { 9 }, 0, items, 12, 4); return x + items[0] + items[3]; });
        Check(() => new int[4], (items, x) => { new Random(3).Shuffle(items); ((IList<int>)items)[1] = 4; ((IList)items)[0] = 5; return x + items[1] + items[0]; });
    }

    [Fact]
    public void Structs_records_statics_events_and_captured_locals()
    {
        Check(() => new Box(), (box, x) =>
        {
            box.Number += 2;
            box.Inner.Count += 5;
            var local = ((Counted)box.Boxed).Next();
            return x + box.Number + box.Inner.Next() + box.Inner.Count + local;
        });
        Check(() => new Noted(3), (noted, x) => { noted.Number++; noted.Seen.Add(4); var other = noted with { }; other.Number = 50; return x + noted.Number + noted.Seen.Count; });
        Check(() => new Counted { Items = [1] }, (counted, x) => { counted.Items!.Add(5); counted.Count = 3; return x + counted.Items.Count + counted.Count; });
        Check(Statics.Reset, (_, x) => { Statics.Count++; Statics.Listed.Add(3); Statics.Boxed.Number = 8; return x + Statics.Count + Statics.Listed.Count + Statics.Boxed.Number; });
        Check(() => new Box { Number = Statics.Reset() }, (box, x) => { box.Happened += number => box.Number = number; box.Happened(7); Statics.Watch(_ => { }); return x + box.Number + (Statics.IsWatched ? 1 : 0); });
        var (calls, list) = (0, new List<int>());
        var model = new Keeper<int>(1, (_, x) => { calls++; list.Add(calls); return x + list.Count + calls; }, false);
        Assert.Contains("add](%x, 1)", new Tracer().trace(model).ToString(), StringComparison.Ordinal);
        Assert.Equal(0, calls);
        Assert.Empty(list);
    }

    [Fact]
    public void Values_that_are_made_late_or_kept_beside()
    {
        Check(() => new Lazy<int>(() => { Statics.Count++; return 4; }), (lazy, x) => x + lazy.Value + lazy.Value + Statics.Count - Statics.Count);
        Check(() => new Lazy<List<int>>(() => [1]), (lazy, x) => { lazy.Value.Add(5); return x + lazy.Value.Count; });
        Check(() => { var local = new ThreadLocal<int>(); local.Value = 3; return local; }, (local, x) => { local.Value += 4; return x + local.Value; });
        Check(() => new AsyncLocal<int> { Value = 3 }, (local, x) => { local.Value += 4; return x + local.Value; });
        Check(() => new Random(5), (random, x) => x + random.Next(100) + random.Next(100));
        Check(() => new StrongBox<int>(5), (box, x) => { box.Value++; return x + box.Value; });
        Check(() => new WeakReference<string>("a"), (weak, x) => { weak.SetTarget("bcd"); weak.TryGetTarget(out var text); return x + text!.Length; });
        Check(() => (Table: new ConditionalWeakTable<object, object>(), Key: new object()), (kept, x) =>
        {
            kept.Table.Add(kept.Key, "abc");
            return x + (kept.Table.TryGetValue(kept.Key, out var found) ? ((string)found).Length : 0);
        });
        Check(() => new SemaphoreSlim(2), (semaphore, x) => { semaphore.Wait(); return x + semaphore.CurrentCount; });
        Check(() => new object(), (gate, x) => { lock (gate) return x + 1; });
    }

    [Fact]
    public void A_lock_is_free_after_a_trace_that_failed_within_it()
    {
        var gate = new object();
        var model = new Keeper<object>(gate, (held, x) => { lock (held) return x.sum().item<float>() > 1 ? x : x + 1; }, false);
        Assert.Throws<TraceException>(() => new Tracer().trace(model));
        Assert.False(Monitor.IsEntered(gate));
    }

    [Fact]
    public void Writes_by_reflection()
    {
        Check(() => new Box(), (box, x) => { typeof(Box).GetField("Number")!.SetValue(box, 9); return x + (int)typeof(Box).GetField("Number")!.GetValue(box)! + box.Number; }, "Box.Number");
        Check(() => new Noted(2), (noted, x) => { typeof(Noted).GetProperty("Number")!.SetValue(noted, 9); return x + noted.Number; });
        Check(() => new Steps(), (steps, x) => { typeof(Steps).GetMethod("Note")!.Invoke(steps, [5]); return x + steps.Total; });
    }

    private sealed class Grows : nn.Module<Tensor, Tensor>
    {
        public readonly ModuleList<Linear> layers = nn.ModuleList(nn.Linear(4, 4));

        public Grows(Action<Grows> change) : base(nameof(Grows))
        {
            RegisterComponents();
            this.change = change;
        }

        private readonly Action<Grows> change;

        public override Tensor forward(Tensor x)
        {
            change(this);
            return layers[0].call(x);
        }
    }

    [Fact]
    public void Changes_of_modules_are_refused()
    {
        Action<Grows>[] changes =
        [
            model => model.layers.Add(nn.Linear(4, 4)), model => model.register_buffer("b", zeros(1)), model => model.zero_grad(), model => model.apply(module => module.eval()), model => model.to(ScalarType.Float64),
            model => model.register_module("other", nn.ReLU()), model => model.layers[0] = nn.Linear(4, 4),
        ];
        foreach (var change in changes)
        {
            var model = new Grows(change);
            var before = Picture.Of(model);
            Assert.Equal("FX013", Assert.Throws<TraceException>(() => new Tracer().trace(model)).code);
            Assert.Equal(before, Picture.Of(model));
        }
    }

    [Fact]
    public void What_can_not_be_copied_is_refused()
    {
        var file = Path.GetTempFileName();
        using var stream = File.OpenWrite(file);
        var model = new Keeper<FileStream>(stream, (open, x) => { open.WriteByte(1); return x + 1; }, false);
        var refusal = Assert.Throws<TraceException>(() => new Tracer().trace(model));
        Assert.Equal("FX036: Stream.WriteByte may change a FileStream that was there before the trace, and no copy can be made of it for the trace to change instead.", refusal.Message.Split(" It happens")[0].Replace("FileStream.WriteByte", "Stream.WriteByte", StringComparison.Ordinal));
        Assert.Equal(0, stream.Position);
        var culture = new Keeper<int>(1, (_, x) => { System.Globalization.CultureInfo.CurrentCulture = System.Globalization.CultureInfo.InvariantCulture; return x + 1; }, false);
        Assert.Equal("FX037", Assert.Throws<TraceException>(() => new Tracer().trace(culture)).code);
    }
}
