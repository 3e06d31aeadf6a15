using System.Reflection;
using Xunit;

namespace TorchSharp.Fx.Tests.Cil;

public class RealAssembliesTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
        | BindingFlags.Static | BindingFlags.DeclaredOnly;

    [Theory]
    [InlineData(typeof(torch), 3_000)]
    [InlineData(typeof(object), 20_000)]
    [InlineData(typeof(Enumerable), 800)]
    public void Every_body_decodes(Type inAssembly, int atLeast)
    {
        var count = 0;
        foreach (var type in inAssembly.Assembly.GetTypes())
        {
            foreach (var method in type.GetMethods(Declared).Concat<MethodBase>(type.GetConstructors(Declared)))
            {
                if (method.GetMethodBody() is not { } body) continue;
                AssertWellFormed(new MethodIL(method, body), body.GetILAsByteArray()!);
                count++;
            }
        }

        Assert.True(count >= atLeast, $"only {count} bodies");
    }

    private static void AssertWellFormed(MethodIL il, byte[] bytes)
    {
        var offsets = ReferenceDecoder.Offsets(bytes).ToArray();
        Assert.Equal(offsets, il.Instructions.Select(i => i.Offset));
        foreach (var instruction in il.Instructions) AssertWellFormed(il, instruction);
        foreach (var region in il.Regions)
        {
            Assert.InRange(region.TryStart, 0, region.TryEnd - 1);
            Assert.InRange(region.TryEnd, 1, region.HandlerStart);
            Assert.InRange(region.HandlerEnd, region.HandlerStart + 1, offsets.Length);
        }
    }

    private static void AssertWellFormed(MethodIL il, Instruction instruction)
    {
        if (instruction.Operand is Unresolved missing) Assert.Fail(missing.Message);
        if (instruction.Op is (>= Op.Br and <= Op.BltUn) or Op.Leave)
            Assert.InRange(instruction.Index, 0, il.Instructions.Length - 1);
        if (instruction.Op == Op.Switch)
            Assert.All(instruction.Get<int[]>(), target => Assert.InRange(target, 0, il.Instructions.Length - 1));
        if (instruction.Operand is CallSite site)
            Assert.Equal(site.Parameters.Length + (site.HasThis ? 1 : 0), site.ArgumentCount);
    }
}
