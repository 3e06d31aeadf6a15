using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>The user's own comparer as .NET's code may ask it: each question re-enters the interpreter.</summary>
internal static class InterpretedComparer
{
    internal static bool IsOne(Type parameter)
        => parameter.IsGenericType && parameter.GetGenericTypeDefinition() is var definition
            && (definition == typeof(IComparer<>) || definition == typeof(IEqualityComparer<>));

    internal static object Over(Interpreter interpreter, object comparer, Type parameter)
        => Activator.CreateInstance(typeof(Comparer<>).MakeGenericType(parameter.GenericTypeArguments),
            BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public, null, [interpreter, comparer], null)!;

    private sealed class Comparer<T>(Interpreter interpreter, object comparer) : IComparer<T>, IEqualityComparer<T>
    {
        public int Compare(T? x, T? y) => (int)Ask(typeof(IComparer<T>), nameof(Compare), x, y);

        public bool Equals(T? x, T? y) => (bool)Ask(typeof(IEqualityComparer<T>), nameof(Equals), x, y);

        public int GetHashCode(T obj) => (int)Ask(typeof(IEqualityComparer<T>), nameof(GetHashCode), obj);

        private object Ask(Type type, string method, params object?[] arguments)
            => interpreter.CallBack(type.GetMethod(method)!, comparer, Use.Look, arguments)!;
    }
}
