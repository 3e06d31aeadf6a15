using System.Globalization;
using TorchSharp.Fx.Testing;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(RandomOrder))]
[assembly: TestClassOrderer(typeof(RandomOrder))]
[assembly: TestMethodOrderer(typeof(RandomOrder))]
[assembly: TestCaseOrderer(typeof(RandomOrder))]

namespace TorchSharp.Fx.Testing;

/// <summary>
/// Tests stand each for itself, so that they may run in any order: a number in <c>TORCHFX_TEST_ORDER</c> is the seed of one, for all that are run at once. Without it, the order is always the same.
/// </summary>
internal sealed class RandomOrder : ITestCollectionOrderer, ITestClassOrderer, ITestMethodOrderer, ITestCaseOrderer
{
    private static readonly int? Seed = int.TryParse(Environment.GetEnvironmentVariable("TORCHFX_TEST_ORDER"), CultureInfo.InvariantCulture, out var seed) ? seed : null;

    public IReadOnlyCollection<T> OrderTestCollections<T>(IReadOnlyCollection<T> testCollections) where T : ITestCollection
        => Shuffled(testCollections) ?? DefaultTestCollectionOrderer.Instance.OrderTestCollections(testCollections);

    public IReadOnlyCollection<T?> OrderTestClasses<T>(IReadOnlyCollection<T?> testClasses) where T : notnull, ITestClass
        => Shuffled(testClasses) ?? DefaultTestClassOrderer.Instance.OrderTestClasses(testClasses);

    public IReadOnlyCollection<T?> OrderTestMethods<T>(IReadOnlyCollection<T?> testMethods) where T : notnull, ITestMethod
        => Shuffled(testMethods) ?? DefaultTestMethodOrderer.Instance.OrderTestMethods(testMethods);

    public IReadOnlyCollection<T> OrderTestCases<T>(IReadOnlyCollection<T> testCases) where T : notnull, ITestCase
        => Shuffled(testCases) ?? DefaultTestCaseOrderer.Instance.OrderTestCases(testCases);

    private static T[]? Shuffled<T>(IReadOnlyCollection<T> some)
    {
        if (Seed is not { } number)
            return null;
        T[] all = [.. some];
        // Each list has a shuffle of its own, which does not hang on how many were shuffled before.
        new Random(unchecked(31 * number) + all.Length).Shuffle(all);
        return all;
    }
}
