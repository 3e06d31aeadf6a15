namespace TorchSharp.Fx.Testing;

/// <summary>Damages files in the ways that find bugs in readers.</summary>
internal static class Wounds
{
    /// <summary>A file with one to eight wounds: flipped bits, extreme numbers, pieces lost or doubled, and pieces of other files where there are such.</summary>
    internal static byte[] Damaged(byte[] original, Random random, byte[][]? others = null)
    {
        var bytes = original.ToList();
        for (var wounds = 1 << random.Next(4); wounds > 0 && bytes.Count > 1; wounds--)
        {
            var at = random.Next(bytes.Count);
            var length = Math.Min(random.Next(1, 33), bytes.Count - at);
            switch (random.Next(others is null ? 7 : 8))
            {
                case 0 or 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes[at] = (byte)random.Next(256); break;
                case 3: for (var i = 0; i < Math.Min(length, 8); i++) bytes[at + i] = 0xff; break;
                case 4: bytes.RemoveRange(at, length); break;
                case 5: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 6: bytes.RemoveRange(at, bytes.Count - at); break;
                default:
                    var other = others![random.Next(others.Length)];
                    var from = random.Next(other.Length);
                    bytes.InsertRange(at, other.Skip(from).Take(length));
                    break;
            }
        }
        return [.. bytes];
    }
}
