using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Cil;

/// <summary>
/// An answer that is worked out once for a type or one of its members. It lives no longer than that: an assembly of a collectible load
/// context can go away, and takes along what is known of it.
/// </summary>
internal sealed class Memo<TKey, TValue>(Func<TKey, TValue> make) where TKey : MemberInfo
{
    private readonly ConcurrentDictionary<TKey, TValue> lasting = new();
    private readonly ConditionalWeakTable<TKey, StrongBox<TValue>> passing = [];

    // Whether a member is collectible is a slow question, so it is asked last.
    public TValue Of(TKey key)
        => lasting.TryGetValue(key, out var known) ? known
            : passing.TryGetValue(key, out var box) ? box.Value!
            : key.IsCollectible ? passing.GetValue(key, added => new(make(added))).Value!
            : lasting.GetOrAdd(key, make);
}
