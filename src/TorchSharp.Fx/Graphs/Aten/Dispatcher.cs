using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// Calls any operation of libtorch by its name, through the C functions that libtorch exports for its own compiled models
/// (<c>torch/csrc/inductor/aoti_torch/c/shim.h</c>). An argument is
/// eight bytes on a stack: a number, a handle, or the address of a box where the argument is optional.
/// </summary>
internal static unsafe class Dispatcher
{
    private const string Library = "torch_cpu";

    /// <summary>Whether this build of libtorch has the functions.</summary>
    internal static readonly bool IsAvailable = Exports(
        nameof(aoti_torch_call_dispatcher), nameof(aoti_torch_new_tensor_handle), nameof(torch_new_list_reserve_size),
            nameof(torch_list_push_back));

    /// <summary>Whether libtorch exports functions of these names.</summary>
    internal static bool Exports(params ReadOnlySpan<string> names)
    {
        // Loads libtorch, by TorchSharp's own rules.
        torch.TryInitializeDeviceType(DeviceType.CPU);
        if (!NativeLibrary.TryLoad(Library, typeof(Dispatcher).Assembly, null, out var library))
            return false;
        foreach (var name in names)
            if (!NativeLibrary.TryGetExport(library, name, out _))
                return false;
        return true;
    }

    /// <summary>Calls an operation; the results take the place of the arguments. Tensors, lists and boxes on the stack pass into its
    /// hands.</summary>
    /// <returns>Whether it went well; libtorch writes the reason to the standard error output.</returns>
    internal static bool Call(string operation, string overload, Span<ulong> stack)
    {
        fixed (byte* name = Native(operation), kind = Native(overload))
        fixed (ulong* values = stack)
            return aoti_torch_call_dispatcher(name, kind, values) == 0;
    }

    /// <summary>A new handle on a tensor.</summary>
    internal static ulong Handle(Tensor tensor)
    {
        IntPtr handle;
        Check(aoti_torch_new_tensor_handle(tensor.Handle, &handle));
        GC.KeepAlive(tensor);
        return (ulong)handle;
    }

    /// <summary>A list of values.</summary>
    internal static ulong List(ReadOnlySpan<ulong> values)
    {
        IntPtr list;
        Check(torch_new_list_reserve_size((nuint)values.Length, &list));
        foreach (var value in values)
            Check(torch_list_push_back(list, value));
        return (ulong)list;
    }

    /// <summary>The values of a list that an operation returned, which is given up.</summary>
    internal static ulong[] Items(ulong list)
    {
        nuint count;
        Check(torch_list_size((IntPtr)list, &count));
        var items = new ulong[count];
        for (nuint i = 0; i < count; i++)
            fixed (ulong* item = &items[i])
                Check(torch_list_get_item((IntPtr)list, i, item));
        Check(torch_delete_list((IntPtr)list));
        return items;
    }

    /// <summary>A text.</summary>
    internal static ulong Text(string text)
    {
        IntPtr handle;
        var bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* first = bytes.Length == 0 ? [0] : bytes)
            Check(torch_new_string_handle(first, (nuint)bytes.Length, &handle));
        return (ulong)handle;
    }

    /// <summary>An optional argument is a box that the callee frees: C++'s <c>delete</c> is <c>free</c> on every platform of
    /// libtorch.</summary>
    internal static ulong Some(ulong value)
    {
        var box = (ulong*)NativeMemory.Alloc(sizeof(ulong));
        *box = value;
        return (ulong)box;
    }

    private static byte[] Native(string text) => Encoding.UTF8.GetBytes(text + '\0');

    private static void Check(int code)
    {
        if (code != 0)
            throw new InvalidOperationException("libtorch refused a handle; it wrote the reason to the standard error output.");
    }

    [DllImport(Library)]
    private static extern int aoti_torch_call_dispatcher(byte* operation, byte* overload, ulong* stack);

    [DllImport(Library)]
    private static extern int aoti_torch_new_tensor_handle(IntPtr tensor, IntPtr* ret);

    [DllImport(Library)]
    private static extern int torch_new_list_reserve_size(nuint size, IntPtr* ret);

    [DllImport(Library)]
    private static extern int torch_list_push_back(IntPtr list, ulong value);

    [DllImport(Library)]
    private static extern int torch_list_size(IntPtr list, nuint* ret);

    [DllImport(Library)]
    private static extern int torch_list_get_item(IntPtr list, nuint index, ulong* ret);

    [DllImport(Library)]
    private static extern int torch_delete_list(IntPtr list);

    [DllImport(Library)]
    private static extern int torch_new_string_handle(byte* data, nuint length, IntPtr* ret);
}
