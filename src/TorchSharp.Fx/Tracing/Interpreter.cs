using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Runs CIL with symbols for what depends on an input (ECMA-335 partition III). This file is the whole instruction set, one line an
/// instruction; the other parts of the class hold the families: values, arithmetic, control flow, objects and calls.
/// </summary>
internal sealed partial class Interpreter(Tracer tracer, Graph graph, torch.nn.Module root)
{
    private Frame? current;

    /// <summary>How many instructions have run.</summary>
    internal long Executed { get; private set; }

    internal Tracer Tracer => tracer;

    internal Graph Graph => graph;

    internal torch.nn.Module Root => root;

    internal Symbols Symbols { get; } = new();

    /// <summary>The modes that the traced program finds its modules in.</summary>
    internal ModuleModes Modes { get; } = new(tracer.Modes);

    internal Overlay Overlay => field ??= new(Here, callee => Delegates.ForHost(this, callee, Use.Look)) { IsReal = Recording is not null };

    /// <summary>The graph's state between calls; null where it keeps nothing, or where that isn't known yet.</summary>
    internal StateBorder? State { get; set; }

    /// <summary>The inputs that the program changes, by parameter.</summary>
    internal HashSet<string> ChangedInputs { get; } = new(StringComparer.Ordinal);

    /// <summary>The delegates of the trace.</summary>
    internal Dictionary<DelegateIdentity, Delegate> MadeDelegates { get; } = [];

    internal Constants Constants => field ??= new(this);

    internal GradientState Gradients => field ??= new(this);

    /// <summary>Runs a method's body and returns its result; the default value for void.</summary>
    internal Value Run(MethodBase method, Value[] arguments) => Run(Traits.Of(method), arguments);

    internal Value Run(Traits traits, Value[] arguments)
    {
        var code = traits.Code ?? throw Untraceable.NoBody(this, traits.Method);
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw Untraceable.TooDeep(this, traits.Method);
        if (tracer.CodeWriter is not null)
            tracer.WriteCode(code);
        var frame = current = new Frame(traits, code, arguments, current, tracer.CurrentPath);
        try
        {
            while (true)
            {
                try
                {
                    return Execute(frame);
                }
                catch (Exception exception) when (!ProgramFault.IsOurs(exception))
                {
                    current = frame;
                    NoteFault(exception);
                    if (!ProgramFault.Is(exception) && OwnFault(exception) is var own && own != exception)
                        throw own;
                    if (!ProgramFault.Is(exception) || !EnterHandler(frame, exception))
                        throw;
                }
            }
        }
        finally
        {
            current = frame.Caller;
        }
    }

    private Value Execute(Frame f)
    {
        var instructions = f.Code.Instructions;
        while (true)
        {
            ref readonly var i = ref instructions[f.At = f.Next];
            f.Next = f.At + 1;
            Executed++;
            switch (i.Op)
            {
                case Op.Nop or Op.Break: break;
                case Op.Ldarg: f.Push(f.Arguments[i.Index].Copy()); break;
                case Op.Ldarga: f.Push(Value.Of(new Address.Slot(f.Arguments, i.Index, f.ArgumentType(i.Index)))); break;
                case Op.Starg: f.Arguments[i.Index] = Narrow(f.Pop(), f.ArgumentType(i.Index)); break;
                case Op.Ldloc: f.Push(f.Locals[i.Index].Copy()); break;
                case Op.Ldloca: f.Push(Value.Of(new Address.Slot(f.Locals, i.Index, f.Code.Locals[i.Index]))); break;
                case Op.Stloc: f.Locals[i.Index] = Narrow(f.Pop(), f.Code.Locals[i.Index]); break;
                case Op.Ldnull: f.Push(Value.Null); break;
                case Op.LdcI4: f.Push(Value.Of(i.Index)); break;
                case Op.LdcI8: f.Push(Value.Of((long)i.Operand!)); break;
                case Op.LdcR4: f.Push(Value.Of((float)i.Operand!)); break;
                case Op.LdcR8: f.Push(Value.Of((double)i.Operand!)); break;
                case Op.Ldstr: f.Push(Value.OfObject(i.Operand)); break;
                case Op.Dup: f.Push(f.Peek().Copy()); break;
                case Op.Pop: f.Pop(); break;

                case Op.Call: Call(f, i.Get<Cil.CallSite>()); break;
                case Op.Newobj: f.Push(NewObject(f, i.Get<Cil.CallSite>())); break;
                case Op.Ret: return f.Method.ReturnsVoid ? default : f.Pop();

                case Op.Br: f.Next = i.Index; break;
                case Op.BrFalse or Op.BrTrue: BranchOn(f, f.Pop(), i.Op == Op.BrTrue, i.Index); break;
                case >= Op.Beq and <= Op.BltUn: BranchCompare(f, i.Op, i.Index); break;
                case Op.Switch: Switch(f, i.Get<int[]>()); break;
                case Op.Throw: throw Thrown(f.Pop().Reference);
                case Op.Rethrow: throw Thrown(f.Caught.Peek());
                case Op.Leave: Leave(f, i.Index); break;
                case Op.EndFinally: EndFinally(f); break;
                case Op.EndFilter: return f.Pop();

                case >= Op.Add and <= Op.ShrUn: Binary(f, i.Op); break;
                case Op.Neg or Op.Not: Unary(f, i.Op); break;
                case >= Op.Ceq and <= Op.CltUn: Compare(f, i.Op); break;
                case Op.Conv: f.Push(Convert(f.Pop(), i.Get<Cil.Conversion>())); break;
                case Op.Ckfinite: f.Push(CheckFinite(f.Pop())); break;

                case Op.Ldobj: f.Push(Place(f.Pop(), i.Get<Type>(), i.Op).Load().Copy()); break;
                case Op.Stobj: { var value = f.Pop(); Place(f.Pop(), i.Get<Type>(), i.Op).Store(Narrow(value, i.Get<Type>())); break; }
                case Op.Cpobj: { var source = f.Pop().Address; Store(f.Pop(), source.Load().Copy()); break; }
                case Op.Initobj: Store(f.Pop(), StructLayout.Zero(i.Get<Type>())); break;
                case Op.Localloc: f.Push(Allocate(f.Pop())); break;
                case Op.Cpblk: { var size = f.Pop(); var source = f.Pop(); CopyBlock(f.Pop(), source, size); break; }
                case Op.Sizeof: f.Push(Value.Of(SizeOf(i.Get<Type>()))); break;

                case Op.Castclass: f.Push(CastClass(f.Pop(), i.Get<Type>())); break;
                case Op.Isinst: f.Push(IsInstance(f.Pop(), i.Get<Type>())); break;
                case Op.Unbox: f.Push(Unbox(f.Pop(), i.Get<Type>())); break;
                case Op.UnboxAny: f.Push(UnboxAny(f.Pop(), i.Get<Type>())); break;
                case Op.Box: f.Push(Box(f.Pop(), i.Get<Type>())); break;

                case Op.Ldfld: f.Push(LoadFieldOf(f.Pop(), i.Get<FieldInfo>())); break;
                case Op.Ldflda: f.Push(FieldAddress(f.Pop(), i.Get<FieldInfo>())); break;
                case Op.Stfld: { var value = f.Pop(); StoreFieldOf(f.Pop(), i.Get<FieldInfo>(), value); break; }
                case Op.Ldsfld: f.Push(LoadField(null, i.Get<FieldInfo>())); break;
                case Op.Ldsflda: f.Push(Value.Of(new Address.ObjectField(this, null, i.Get<FieldInfo>()))); break;
                case Op.Stsfld: StoreField(null, i.Get<FieldInfo>(), f.Pop()); break;

                case Op.Newarr: f.Push(NewArray(f.Pop(), i.Get<Type>())); break;
                case Op.Ldlen: f.Push(Length(f.Pop())); break;
                case Op.Ldelem: { var index = f.Pop(); f.Push(LoadElementOf(f.Pop(), index)); break; }
                case Op.Ldelema: { var index = f.Pop(); f.Push(ElementAddress(f.Pop(), index)); break; }
                case Op.Stelem: { var value = f.Pop(); var index = f.Pop(); StoreElementOf(f.Pop(), index, value); break; }

                case Op.Ldtoken: f.Push(Token(i.Operand!)); break;
                case Op.Ldftn: f.Push(Value.OfObject(i.Get<MethodBase>())); break;
                case Op.Ldvirtftn: f.Push(
                    Value.OfObject(
                        Overrides.Find(i.Get<MethodBase>(),
                            (f.Pop().Reference ?? throw ProgramFault.Raise(new NullReferenceException())).GetType()))); break;

                default: throw Untraceable.Instruction(this, i.Op);
            }
        }
    }
}
