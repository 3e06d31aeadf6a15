using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The text that libtorch prints of a module of its own, <c>torch::nn::LSTM(input_size=3, …)</c>. It has settings that TorchSharp gives no
/// access to. Printing goes through an <c>std::ostringstream</c> of libstdc++, so it works where that library does: on Linux x64.
/// </summary>
internal static unsafe class NativeText
{
    private const string Stream = "St7__cxx1119basic_ostringstreamIcSt11char_traitsIcESaIcEE";
    private const string String = "St7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE";
    /// <summary>More than the size of an <c>std::ostringstream</c>, 376 bytes.</summary>
    private const int StreamSize = 1024;
    private static readonly FieldInfo Handle = typeof(nn.Module).GetField("handle", BindingFlags.Instance | BindingFlags.NonPublic)!;
    private static readonly Lazy<Functions?> Native = new(Functions.Load);

    /// <summary>libtorch's printed form of the module; null where that is out of reach.</summary>
    internal static string? Of(nn.Module module)
    {
        if (Native.Value is not { } native)
            return null;
        var handle = (SafeHandle)Handle.GetValue(module)!;
        var memory = stackalloc byte[StreamSize];
        var stream = (nint)memory;
        native.Open(stream);
        SetPrecision(stream, 17);
        // A handle of TorchSharp's is a pointer to a shared pointer, whose first word is the object.
        native.Print(stream, *(nint*)handle.DangerousGetHandle());
        GC.KeepAlive(module);
        // A std::string is a pointer, a length and the text's own place when it is short.
        var text = stackalloc nint[4];
        native.TextOf((nint)text, stream);
        var result = Marshal.PtrToStringUTF8(text[0], (int)text[1]);
        native.Free((nint)text);
        native.Close(stream);
        return result;
    }

    /// <summary>The value behind <c>name=</c>, of the first part that has one; null for none.</summary>
    internal static string? Value(string text, string name)
        => Regex.Match(text, $@"\b{name}=([^,)]+)") is { Success: true } found ? found.Groups[1].Value : null;

    internal static double? Number(string text, string name)
        => Value(text, name) is { } digits ? double.Parse(digits, CultureInfo.InvariantCulture) : null;

    internal static bool Flag(string text, string name) => Value(text, name) == "true";

    /// <summary>
    /// So that a double comes back as it was. The precision lies behind the virtual table of <c>std::ios_base</c>, and that where the
    /// stream's table says.
    /// </summary>
    private static void SetPrecision(nint stream, long digits)
    {
        var toBase = *(nint*)(*(nint*)stream - 3 * sizeof(nint));
        *(long*)(stream + toBase + sizeof(nint)) = digits;
    }

    private sealed record Functions(nint OpenStream, nint CloseStream, nint StreamText, nint FreeText, nint PrintModule)
    {
        internal static Functions? Load()
        {
            if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64
                || !NativeLibrary.TryLoad("libstdc++.so.6", out var cpp)
                || !NativeLibrary.TryLoad("torch_cpu", typeof(nn).Assembly, null, out var torch))
                return null;
            (nint Library, string Name)[] wanted =
            [
                (cpp, $"_ZN{Stream}C1Ev"), (cpp, $"_ZN{Stream}D1Ev"), (cpp, $"_ZNK{Stream}3strEv"), (cpp, $"_ZN{String}D1Ev"),
                (torch, "_ZN5torch2nnlsERSoRKNS0_6ModuleE"),
            ];
            var found = Array.ConvertAll(wanted, one => NativeLibrary.TryGetExport(one.Library, one.Name, out var address) ? address : 0);
            return found.Contains(0) ? null : new(found[0], found[1], found[2], found[3], found[4]);
        }

        internal void Open(nint stream) => ((delegate* unmanaged<nint, void>)OpenStream)(stream);

        internal void Close(nint stream) => ((delegate* unmanaged<nint, void>)CloseStream)(stream);

        internal void TextOf(nint result, nint stream) => ((delegate* unmanaged<nint, nint, nint>)StreamText)(result, stream);

        internal void Free(nint text) => ((delegate* unmanaged<nint, void>)FreeText)(text);

        internal void Print(nint stream, nint module) => ((delegate* unmanaged<nint, nint, nint>)PrintModule)(stream, module);
    }
}
