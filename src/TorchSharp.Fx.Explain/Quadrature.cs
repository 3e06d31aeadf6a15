namespace TorchSharp.Fx.Explain;

/// <summary>Numerical integration over [0, 1].</summary>
internal static class Quadrature
{
    /// <summary>
    /// The points and weights that integrate polynomials up to the degree 2n − 1 without error: the roots of the n-th Legendre polynomial,
    /// found by Newton's method. Press et al., "Numerical Recipes", section 4.6. Counterpart: <c>numpy.polynomial.legendre.leggauss</c>,
    /// moved from [−1, 1].
    /// </summary>
    internal static IEnumerable<(double Point, double Weight)> GaussLegendre(int n)
    {
        for (var i = 1; i <= n; i++)
        {
            var x = Math.Cos(Math.PI * (i - 0.25) / (n + 0.5));
            double slope, change;
            do
            {
                (var value, slope) = Legendre(n, x);
                change = value / slope;
                x -= change;
            }
            while (Math.Abs(change) > 1e-15);
            yield return ((1 - x) / 2, 1 / ((1 - x * x) * slope * slope));
        }
    }

    /// <summary>The n-th Legendre polynomial and its derivative.</summary>
    private static (double Value, double Slope) Legendre(int n, double x)
    {
        var (before, value) = (1.0, x);
        for (var k = 2; k <= n; k++)
            (before, value) = (value, ((2 * k - 1) * x * value - (k - 1) * before) / k);
        return (value, n * (x * value - before) / (x * x - 1));
    }
}
