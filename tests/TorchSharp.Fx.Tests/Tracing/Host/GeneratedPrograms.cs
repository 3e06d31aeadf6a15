using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing.Host;

/// <summary>
/// Programs made by reflection: one for each public member of .NET's own types that takes numbers, sequences of numbers or texts, called with what depends on an input in each place. They are
/// compiled into an assembly of their own, which the tracer reads like any other.
/// </summary>
internal static class GeneratedPrograms
{
    private static readonly Type[] Owners =
    [
        typeof(Enumerable), typeof(Array), typeof(List<long>), typeof(Math), typeof(MathF), typeof(long), typeof(int), typeof(double), typeof(float), typeof(string), typeof(Convert), typeof(BitConverter),
        typeof(System.Numerics.BitOperations), typeof(Queue<long>), typeof(Stack<long>), typeof(LinkedList<long>), typeof(HashSet<long>), typeof(SortedSet<long>), typeof(Dictionary<long, long>),
        typeof(SortedDictionary<long, long>), typeof(SortedList<long, long>), typeof(MemoryExtensions), typeof(ValueTuple<long, long>), typeof(Tuple<long, long>), typeof(HashCode), typeof(decimal), typeof(Nullable),
        typeof(System.Collections.Immutable.ImmutableArray), typeof(System.Collections.Immutable.ImmutableList), typeof(System.Collections.ArrayList), typeof(System.Text.StringBuilder), typeof(TimeSpan), typeof(Index), typeof(Range),
        typeof(Interlocked), typeof(Volatile), typeof(Buffer), typeof(EqualityComparer<long>), typeof(Comparer<long>), typeof(System.Numerics.Vector<long>), typeof(System.Numerics.Vector2), typeof(System.Numerics.Complex),
        typeof(System.Numerics.BigInteger), typeof(PriorityQueue<long, long>), typeof(System.Runtime.CompilerServices.Unsafe), typeof(System.Runtime.InteropServices.MemoryMarshal), typeof(Half), typeof(uint), typeof(byte), typeof(bool), typeof(char),
        typeof(Enum), typeof(ScalarType), typeof(KeyValuePair<long, long>), typeof(System.Collections.Concurrent.ConcurrentDictionary<long, long>), typeof(ArraySegment<long>), typeof(Lazy<long>), typeof(Version), typeof(Random), typeof(DateTime),
    ];

    /// <summary>Members whose result is another in each run or has no end, that wait, or that change the process.</summary>
    private static readonly HashSet<string> Left = ["InfiniteSequence", "get_Capacity", "EnsureCapacity", "TrimExcess", "Shuffle", "get_Shared", "Wait", "SpinWait", "get_Now", "get_UtcNow", "get_Today", "MemoryBarrierProcessWide", "GetItems", "NewGuid", "Next", "NextInt64", "NextDouble", "NextSingle", "NextBytes", "NextString", "InternalSample", "Intern", "IsInterned"];

    internal static IReadOnlyList<HostRow> Rows { get; } = Compile();

    private static HostRow[] Compile()
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName("Generated"), typeof(object).Assembly);
        var type = assembly.DefineDynamicModule("Generated").DefineType("Programs", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
        var names = new List<string>();
        foreach (var owner in Owners)
            foreach (var member in owner.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly).OfType<MethodBase>())
                // What CreateScalarUnsafe and its kin leave unsaid is what happens to be in the register.
                if (!Left.Contains(member.Name) && !member.Name.EndsWith("Unsafe", StringComparison.Ordinal) && !(owner == typeof(ArraySegment<long>) && member.Name == "GetHashCode") && Closed(member) is { } closed && MemberProgram.CanCall(closed))
                {
                    MemberProgram.Write(type, $"P{names.Count}", closed);
                    names.Add($"{owner.Name}.{closed.Name}({string.Join(", ", closed.GetParameters().Select(parameter => parameter.ParameterType.Name))}) #{names.Count}");
                }
        type.CreateType();
        using var stream = new MemoryStream();
        assembly.Save(stream);
        var programs = Assembly.Load(stream.ToArray()).GetType("Programs")!;
        return [.. names.Select((name, i) => new HostRow(name, programs.GetMethod($"P{i}")!.CreateDelegate<Func<Tensor, Tensor, object?>>(), Traces.Nowhere))];
    }

    /// <summary>A generic method over longs; null where its constraints don't allow that.</summary>
    private static MethodBase? Closed(MethodBase member)
    {
        if (member is not MethodInfo { IsGenericMethodDefinition: true } open)
            return member;
        try
        {
            return open.MakeGenericMethod([.. open.GetGenericArguments().Select(_ => typeof(long))]);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}

/// <summary>A program that calls one member.</summary>
public static class MemberProgram
{
    private static readonly Dictionary<Type, string> Sources = new()
    {
        [typeof(long)] = nameof(Long), [typeof(int)] = nameof(Int), [typeof(double)] = nameof(Double), [typeof(float)] = nameof(Single), [typeof(uint)] = nameof(UInt), [typeof(ulong)] = nameof(ULong),
        [typeof(byte)] = nameof(Byte), [typeof(bool)] = nameof(Bool), [typeof(object)] = nameof(Boxed), [typeof(string)] = nameof(Text), [typeof(char)] = nameof(Char), [typeof(decimal)] = nameof(Decimal), [typeof(short)] = nameof(Short),
        [typeof(long[])] = nameof(Longs), [typeof(IEnumerable<long>)] = nameof(Longs), [typeof(ICollection<long>)] = nameof(Longs), [typeof(IList<long>)] = nameof(Longs), [typeof(IReadOnlyList<long>)] = nameof(Longs), [typeof(Array)] = nameof(Longs),
        [typeof(System.Collections.IEnumerable)] = nameof(Longs), [typeof(System.Collections.ICollection)] = nameof(Longs), [typeof(IOrderedEnumerable<long>)] = nameof(Ordered), [typeof(List<long>)] = nameof(Listed), [typeof(object[])] = nameof(Boxes), [typeof(string[])] = nameof(Words),
        [typeof(Span<long>)] = nameof(Spanned), [typeof(ReadOnlySpan<long>)] = nameof(ReadOnly), [typeof(Func<long, long>)] = nameof(Selector), [typeof(Func<long, bool>)] = nameof(Condition), [typeof(Predicate<long>)] = nameof(Predicated),
        [typeof(Func<long, int>)] = nameof(ToInt), [typeof(Func<long, double>)] = nameof(ToDouble), [typeof(Func<long, IEnumerable<long>>)] = nameof(ToMany), [typeof(Comparison<long>)] = nameof(Compared), [typeof(Func<long, long, long>)] = nameof(Folding),
        [typeof(Action<long>)] = nameof(Acting), [typeof(Converter<long, long>)] = nameof(Converting), [typeof(IComparer<long>)] = nameof(Comparing), [typeof(IEqualityComparer<long>)] = nameof(Equating), [typeof(IFormatProvider)] = nameof(Culture),
        [typeof(Func<long, int, long>)] = nameof(Indexed), [typeof(Func<long, int, bool>)] = nameof(IndexedCondition), [typeof(long?)] = nameof(Optional), [typeof(Index)] = nameof(Place), [typeof(Range)] = nameof(Stretch),
        [typeof((long, long))] = nameof(Pair), [typeof(Tuple<long, long>)] = nameof(PairObject), [typeof(Dictionary<long, long>)] = nameof(Map), [typeof(IDictionary<long, long>)] = nameof(Map), [typeof(ScalarType)] = nameof(Kind), [typeof(Enum)] = nameof(BoxedKind),
        [typeof(System.Collections.Immutable.ImmutableArray<long>)] = nameof(Fixed), [typeof(Type)] = nameof(OfLong), [typeof(Queue<long>)] = nameof(Queued), [typeof(Stack<long>)] = nameof(Stacked), [typeof(LinkedList<long>)] = nameof(Linked),
        [typeof(HashSet<long>)] = nameof(Hashed), [typeof(SortedSet<long>)] = nameof(Sorted), [typeof(SortedDictionary<long, long>)] = nameof(SortedMap), [typeof(SortedList<long, long>)] = nameof(SortedPairs), [typeof(System.Collections.ArrayList)] = nameof(Objects),
        [typeof(System.Text.StringBuilder)] = nameof(Builder), [typeof(TimeSpan)] = nameof(Time), [typeof(PriorityQueue<long, long>)] = nameof(Ranked), [typeof(System.Numerics.Vector2)] = nameof(Plane), [typeof(System.Numerics.Complex)] = nameof(Imaginary),
        [typeof(System.Numerics.BigInteger)] = nameof(Big), [typeof(EqualityComparer<long>)] = nameof(Equality), [typeof(Comparer<long>)] = nameof(Ordering), [typeof(Half)] = nameof(Small), [typeof(KeyValuePair<long, long>)] = nameof(Entry),
        [typeof(System.Collections.Concurrent.ConcurrentDictionary<long, long>)] = nameof(SharedMap), [typeof(ArraySegment<long>)] = nameof(Segment), [typeof(Lazy<long>)] = nameof(Late), [typeof(HashCode)] = nameof(Hash), [typeof(Func<long>)] = nameof(Giving), [typeof(Array[])] = nameof(Arrays),
        [typeof(ReadOnlySpan<char>)] = nameof(Letters), [typeof(Span<char>)] = nameof(Room), [typeof(DateTime)] = nameof(Moment), [typeof(CultureInfo)] = nameof(Invariant), [typeof(IReadOnlyDictionary<long, long>)] = nameof(Map),
    };

    internal static bool CanCall(MethodBase member) => !member.ContainsGenericParameters && !member.IsAbstract && !member.DeclaringType!.IsByRefLike
        && Array.TrueForAll(member.GetParameters(), parameter => Source(parameter.ParameterType))
        && (member.IsStatic || (member is ConstructorInfo && !member.DeclaringType.IsAbstract) || (member is MethodInfo && Sources.ContainsKey(member.DeclaringType)) || member.DeclaringType == typeof(Array))
        && (member is ConstructorInfo || Result(((MethodInfo)member).ReturnType))
        && member.GetParameters().Length + (member.IsStatic ? 0 : 1) > 0
        && (Takes(member.GetParameters()) || !member.IsStatic);

    private static bool Takes(ParameterInfo[] parameters) => Array.Exists(parameters, parameter => parameter.ParameterType != typeof(bool) && parameter.ParameterType != typeof(Type));

    private static bool Source(Type type) => type.IsByRef ? Sources.ContainsKey(type.GetElementType()!) && !type.GetElementType()!.IsByRefLike : Sources.ContainsKey(type) || (type.IsEnum && type.IsPublic);

    private static bool Result(Type type) => !type.IsByRef && !type.IsPointer && !type.ContainsGenericParameters && (!type.IsByRefLike || Convert(type) is not null);

    /// <summary>A span as an array.</summary>
    private static MethodInfo? Convert(Type type) => type == typeof(Span<long>) || type == typeof(ReadOnlySpan<long>) ? type.GetMethod("ToArray") : null;

    internal static void Write(TypeBuilder type, string name, MethodBase member)
    {
        var method = type.DefineMethod(name, MethodAttributes.Public | MethodAttributes.Static, typeof(object), [typeof(Tensor), typeof(Tensor)]);
        var il = method.GetILGenerator();
        LocalBuilder? receiver = null;
        if (!member.IsStatic && member is MethodInfo)
            receiver = Receiver(il, member.DeclaringType!);
        var written = new List<LocalBuilder>();
        foreach (var parameter in member.GetParameters())
            Argument(il, parameter, written);
        var result = member is ConstructorInfo ? member.DeclaringType! : ((MethodInfo)member).ReturnType;
        if (member is ConstructorInfo constructor)
            il.Emit(OpCodes.Newobj, constructor);
        else
            il.Emit(member.IsStatic || member.DeclaringType!.IsValueType ? OpCodes.Call : OpCodes.Callvirt, (MethodInfo)member);
        Finish(il, result, receiver, written);
    }

    private static LocalBuilder Receiver(ILGenerator il, Type owner)
    {
        var local = il.DeclareLocal(owner == typeof(Array) ? typeof(long[]) : owner);
        Make(il, local.LocalType, 0);
        il.Emit(OpCodes.Stloc, local);
        il.Emit(owner.IsValueType ? OpCodes.Ldloca : OpCodes.Ldloc, local);
        return local;
    }

    private static void Argument(ILGenerator il, ParameterInfo parameter, List<LocalBuilder> written)
    {
        if (!parameter.ParameterType.IsByRef)
        {
            Make(il, parameter.ParameterType, parameter.Position);
            return;
        }
        var local = il.DeclareLocal(parameter.ParameterType.GetElementType()!);
        written.Add(local);
        Make(il, local.LocalType, parameter.Position);
        il.Emit(OpCodes.Stloc, local);
        il.Emit(OpCodes.Ldloca, local);
    }

    private static void Make(ILGenerator il, Type type, int position)
    {
        if (type.IsEnum && !Sources.ContainsKey(type))
        {
            il.Emit(OpCodes.Ldc_I4_1);
            return;
        }
        il.Emit(position % 2 == 0 ? OpCodes.Ldarg_0 : OpCodes.Ldarg_1);
        il.Emit(OpCodes.Call, typeof(MemberProgram).GetMethod(Sources[type], BindingFlags.Static | BindingFlags.Public)!);
    }

    /// <summary>The result, what the receiver is afterwards, and what was written to references.</summary>
    private static void Finish(ILGenerator il, Type result, LocalBuilder? receiver, List<LocalBuilder> written)
    {
        if (Convert(result) is { } toArray)
        {
            var span = il.DeclareLocal(result);
            il.Emit(OpCodes.Stloc, span);
            il.Emit(OpCodes.Ldloca, span);
            il.Emit(OpCodes.Call, toArray);
        }
        else if (result == typeof(void))
            il.Emit(OpCodes.Ldnull);
        else if (result.IsValueType)
            il.Emit(OpCodes.Box, result);
        LocalBuilder[] after = [.. written, .. receiver is null ? [] : new[] { receiver }];
        foreach (var local in after)
        {
            il.Emit(OpCodes.Ldloc, local);
            if (local.LocalType.IsValueType)
                il.Emit(OpCodes.Box, local.LocalType);
            il.Emit(OpCodes.Call, typeof(MemberProgram).GetMethod(nameof(Both))!);
        }
        il.Emit(OpCodes.Call, typeof(MemberProgram).GetMethod(nameof(Shown))!);
        il.Emit(OpCodes.Ret);
    }

    public static object Both(object? first, object? second) => new List<object?> { Shown(first), Shown(second) };

    /// <summary>A result that a graph can return: numbers and sequences as they are, all else by what can be read of it.</summary>
    public static object? Shown(object? result) => result switch
    {
        System.Text.StringBuilder builder => builder.ToString(),
        string or null or Tensor => result,
        Lazy<long> late => late.Value,
        PriorityQueue<long, long> ranked => ranked.Count == 0 ? 0 : ranked.Peek(),
        LinkedListNode<long> node => node.Value,
        Type => null,
        KeyValuePair<long, long> entry => entry.Key + entry.Value,
        IEnumerable<long> numbers => numbers.ToList(),
        System.Collections.IEnumerable items => items.Cast<object?>().Select(Shown).ToList(),
        _ when result.GetType().IsPrimitive || result is ITuple or decimal or Half or Enum => result,
        _ => result.ToString(),
    };

    public static long Long(Tensor x) => x.shape[0];
    public static int Int(Tensor x) => (int)x.shape[0];
    public static double Double(Tensor x) => x.shape[0] / 2.0;
    public static float Single(Tensor x) => x.shape[0] / 2f;
    public static uint UInt(Tensor x) => (uint)x.shape[0];
    public static ulong ULong(Tensor x) => (ulong)x.shape[0];
    public static byte Byte(Tensor x) => (byte)x.shape[0];
    public static short Short(Tensor x) => (short)x.shape[0];
    public static bool Bool(Tensor x) => true;
    public static char Char(Tensor x) => '4';
    public static decimal Decimal(Tensor x) => x.shape[0];
    public static object Boxed(Tensor x) => x.shape[0];
    public static string Text(Tensor x) => x.shape[0].ToString(CultureInfo.InvariantCulture);
    public static long[] Longs(Tensor x) => [x.shape[0], 3, x.shape[1]];
    public static IOrderedEnumerable<long> Ordered(Tensor x) => Longs(x).OrderBy(n => n % 3);
    public static List<long> Listed(Tensor x) => [x.shape[0], 3, x.shape[1]];
    public static object[] Boxes(Tensor x) => [x.shape[0], "a"];
    public static string[] Words(Tensor x) => [Text(x), "4"];
    public static Array[] Arrays(Tensor x) => [Longs(x)];
    public static Span<long> Spanned(Tensor x) => Longs(x);
    public static ReadOnlySpan<long> ReadOnly(Tensor x) => Longs(x);
    public static ReadOnlySpan<char> Letters(Tensor x) => Text(x);
    public static Span<char> Room(Tensor x) => new char[8];
    public static Func<long, long> Selector(Tensor x) => n => n + x.shape[1];
    public static Func<long> Giving(Tensor x) => () => x.shape[1];
    public static Func<long, bool> Condition(Tensor x) => n => n < 4;
    public static Predicate<long> Predicated(Tensor x) => n => n < 4;
    public static Func<long, int> ToInt(Tensor x) => n => (int)n;
    public static Func<long, double> ToDouble(Tensor x) => n => n / 2.0;
    public static Func<long, int, long> Indexed(Tensor x) => (n, i) => n + i;
    public static Func<long, int, bool> IndexedCondition(Tensor x) => (n, i) => n > i + 2;
    public static Func<long, IEnumerable<long>> ToMany(Tensor x) => n => [n, x.shape[0]];
    public static Comparison<long> Compared(Tensor x) => (a, b) => a.CompareTo(b);
    public static Func<long, long, long> Folding(Tensor x) => (a, b) => a * 2 + b;
    public static Action<long> Acting(Tensor x) => n => { };
    public static Converter<long, long> Converting(Tensor x) => n => n * 2;
    public static IComparer<long> Comparing(Tensor x) => Comparer<long>.Default;
    public static IEqualityComparer<long> Equating(Tensor x) => EqualityComparer<long>.Default;
    public static EqualityComparer<long> Equality(Tensor x) => EqualityComparer<long>.Default;
    public static Comparer<long> Ordering(Tensor x) => Comparer<long>.Default;
    public static IFormatProvider Culture(Tensor x) => CultureInfo.InvariantCulture;
    public static CultureInfo Invariant(Tensor x) => CultureInfo.InvariantCulture;
    public static long? Optional(Tensor x) => x.shape[0];
    public static Index Place(Tensor x) => (int)x.shape[0] - 2;
    public static Range Stretch(Tensor x) => ..((int)x.shape[0] - 1);
    public static (long, long) Pair(Tensor x) => (x.shape[0], 3);
    public static Tuple<long, long> PairObject(Tensor x) => new(x.shape[0], 3);
    public static Dictionary<long, long> Map(Tensor x) => new() { [4] = x.shape[0], [2] = 1 };
    public static ScalarType Kind(Tensor x) => x.dtype;
    public static Enum BoxedKind(Tensor x) => x.dtype;
    public static System.Collections.Immutable.ImmutableArray<long> Fixed(Tensor x) => System.Collections.Immutable.ImmutableArray.Create(x.shape[0], 3);
    public static Type OfLong(Tensor x) => typeof(long);
    public static Queue<long> Queued(Tensor x) => new([x.shape[0], 3]);
    public static Stack<long> Stacked(Tensor x) => new([x.shape[0], 3]);
    public static LinkedList<long> Linked(Tensor x) => new([x.shape[0], 3]);
    public static HashSet<long> Hashed(Tensor x) => [1, 2, 3, 4];
    public static SortedSet<long> Sorted(Tensor x) => [1, 2, 3, 4];
    public static SortedDictionary<long, long> SortedMap(Tensor x) => new() { [4] = x.shape[0] };
    public static SortedList<long, long> SortedPairs(Tensor x) => new() { [4] = x.shape[0] };
    public static System.Collections.Concurrent.ConcurrentDictionary<long, long> SharedMap(Tensor x) => new() { [4] = x.shape[0] };
    public static System.Collections.ArrayList Objects(Tensor x) => [x.shape[0], 3L];
    public static System.Text.StringBuilder Builder(Tensor x) => new System.Text.StringBuilder("a4").Append(x.shape[0]);
    public static TimeSpan Time(Tensor x) => TimeSpan.FromTicks(x.shape[0]);
    public static DateTime Moment(Tensor x) => new(x.shape[0]);
    public static PriorityQueue<long, long> Ranked(Tensor x) => new([(x.shape[0], 3L), (7L, 2L)]);
    public static System.Numerics.Vector2 Plane(Tensor x) => new(x.shape[0], 1);
    public static System.Numerics.Complex Imaginary(Tensor x) => new(x.shape[0], 1);
    public static System.Numerics.BigInteger Big(Tensor x) => x.shape[0];
    public static Half Small(Tensor x) => (Half)x.shape[0];
    public static KeyValuePair<long, long> Entry(Tensor x) => new(x.shape[0], 3);
    public static ArraySegment<long> Segment(Tensor x) => new(Longs(x), 0, 2);
    public static Lazy<long> Late(Tensor x) => new(() => x.shape[0]);
    public static HashCode Hash(Tensor x) => default;
}
