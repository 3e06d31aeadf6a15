using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>A managed pointer of the interpreted program: a place that can be read and written.</summary>
internal abstract class Address
{
    /// <summary>The declared type of the place.</summary>
    internal abstract Type Type { get; }

    internal abstract Value Load();

    internal abstract void Store(Value value);

    /// <summary>The address of a field of the struct that lies here.</summary>
    internal Address Field(Interpreter interpreter, FieldInfo field) => new StructField(interpreter, this, field);

    /// <summary>A local variable or an argument.</summary>
    internal sealed class Slot(Value[] slots, int index, Type type) : Address
    {
        internal override Type Type => type;

        // The box itself, not a copy: who changes a field of the struct changes the slot's own.
        internal override Value Load() => slots[index];

        internal override void Store(Value value) => slots[index] = value;
    }

    /// <summary>An element of an array, also through a span.</summary>
    internal sealed class Element(Interpreter interpreter, Array array, int index) : Address
    {
        internal Array Array => array;

        internal int Index => index;

        internal override Type Type => array.GetType().GetElementType()!;

        internal override Value Load() => interpreter.LoadElement(array, index);

        internal override void Store(Value value) => interpreter.StoreElement(array, index, value);
    }

    /// <summary>An element of an array of several dimensions.</summary>
    internal sealed class Cell(Interpreter interpreter, Array array, int[] indices) : Address
    {
        internal override Type Type => array.GetType().GetElementType()!;

        internal override Value Load() => interpreter.ToValue(((Array)interpreter.Overlay.Current(array)!).GetValue(indices), Type);

        internal override void Store(Value value)
            => interpreter.Overlay.ForChange(array).SetValue(interpreter.ToObject(value, Type), indices);
    }

    /// <summary>A field of an object, or a static field when the object is null.</summary>
    internal sealed class ObjectField(Interpreter interpreter, object? target, FieldInfo field) : Address
    {
        internal FieldInfo Member => @field;

        internal override Type Type => @field.FieldType;

        internal override Value Load() => interpreter.LoadField(target, field);

        internal override void Store(Value value) => interpreter.StoreField(target, field, value);
    }

    /// <summary>A place in memory that has no type by itself: only who reads or writes there says which.</summary>
    internal sealed class Pointer(Interpreter interpreter, StackMemory memory, long offset) : Address
    {
        internal StackMemory Memory => memory;

        /// <summary>In bytes.</summary>
        internal long Offset => offset;

        internal override Type Type => typeof(void);

        internal override Value Load() => throw Untraceable.Instruction(interpreter, Cil.Op.Localloc);

        internal override void Store(Value value) => throw Untraceable.Instruction(interpreter, Cil.Op.Localloc);
    }

    /// <summary>A struct inside a box on the heap.</summary>
    internal sealed class Box(object box) : Address
    {
        internal override Type Type => box.GetType();

        internal override Value Load() => Value.OfStruct(box);

        internal override void Store(Value value)
        {
            foreach (var field in StructLayout.FieldsOf(box.GetType()))
                field.SetValue(box, field.GetValue(value.Reference));
        }
    }

    private sealed class StructField(Interpreter interpreter, Address parent, FieldInfo field) : Address
    {
        internal override Type Type => @field.FieldType;

        internal override Value Load() => interpreter.LoadStructField(parent.Load(), field);

        internal override void Store(Value value)
        {
            var owner = parent.Load();
            if (owner.Reference is RefStruct fields)
            {
                fields[field] = value;
                return;
            }
            if (owner.IsSymbol)
                owner = Value.OfStruct(interpreter.ToObject(owner, parent.Type));
            field.SetValue(owner.Reference, interpreter.ToObject(value, field.FieldType));
            parent.Store(interpreter.Recording is null ? owner
                : owner.WithField(FieldNumbers.Of(field), value.Mark != Reading.Constant));
        }
    }
}
