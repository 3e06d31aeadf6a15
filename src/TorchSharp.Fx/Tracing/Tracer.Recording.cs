using System.Reflection;

namespace TorchSharp.Fx;

public partial class Tracer
{
    /// <summary>Runs a module on the caller's values and tells a recording what it does.</summary>
    /// <param name="recording">Who listens.</param>
    /// <param name="root">The module.</param>
    /// <param name="inputs">Gives a value for each parameter of its <c>forward</c>.</param>
    /// <returns>The module's result; null where the recording ended the run.</returns>
    internal object? Run(Recording recording, torch.nn.Module root, Func<ParameterInfo[], object?[]> inputs)
    {
        var entry = EntryPoint.Of(root);
        var given = inputs(entry.Parameters);
        Start(entry.Root, recording);
        try
        {
            return Interpreter.ToObject(
                entry.Run(Interpreter, [.. entry.Parameters.Select((parameter, i) => Input(recording, parameter, given[i]))]),
                entry.ReturnType);
        }
        catch (RecordingEnded)
        {
            return null;
        }
        catch (Exception exception) when (!ProgramFault.IsOurs(exception) && !ProgramFault.Is(exception))
        {
            throw Interpreter.OwnFault(exception);
        }
        finally
        {
            recording.Close();
        }
    }

    private Value Input(Recording recording, ParameterInfo parameter, object? given)
    {
        var value = Interpreter.ToValue(given, parameter.ParameterType);
        if (!Symbols.CanStandFor(parameter.ParameterType))
            return value;
        foreach (var tensor in Structure.Tensors(given))
            recording.Marks.Add(tensor);
        return Interpreter.Recorded(new(Opcode.placeholder, new PlaceholderTarget(parameter.Name!), "", parameter.ParameterType), [value],
            static (_, input) => input[0]);
    }

    /// <summary>Calls a module in a recorded run: a leaf is one operation, any other is followed under its own path.</summary>
    internal Value RecordModule(torch.nn.Module module, MethodInfo method, Value[] arguments)
    {
        if (Attributes.PathOf(module) is null)
            Attributes.Made(module, CurrentPath);
        var isLeaf = is_leaf_module(module, Attributes.PathOf(module)!) && !Attributes.IsMade(module);
        scopes.Push((module, path_of_module(module)));
        try
        {
            var body = ModuleCalls.Body(module, method);
            return isLeaf || !Followable.Is(body)
                ? RecordedCalls.Leaf(Interpreter, module, method, arguments) : Interpreter.Run(body, arguments);
        }
        finally
        {
            scopes.Pop();
        }
    }
}
