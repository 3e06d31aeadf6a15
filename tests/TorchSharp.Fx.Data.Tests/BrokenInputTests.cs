using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text;
using SkiaSharp;
using TorchSharp.Fx.Cli.Tests;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>Whatever a file turns out to be, it is one row: with features where it is an image after all, else with one sentence; and its
/// neighbours' bits stay as they are.</summary>
public sealed class BrokenInputTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Each_of_ten_kinds_is_a_row()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links and rights differ there.");
        var good = Pictures.Encoded(1);
        Put("01-truncated.png", good[..^200]);
        Put("02-empty.jpg", []);
        Put("03-wrong-extension.jpg", good);
        Put("04-bomb.png", Png(60_000, 60_000, 8, 2, []));
        Put("05-cmyk.jpg", Cmyk());
        Put("06-16-bit.png", Png(4, 3, 16, 2,
            [.. Enumerable.Range(0, 3).SelectMany(_ => new byte[] { 0 }.Concat(Enumerable.Repeat((byte)200, 4 * 6)))]));
        Put("07-animated.gif", Gif());
        Put("08-forbidden.png", good);
        File.CreateSymbolicLink(folder["09-dangling.png"], folder["nowhere.png"]);
        Put("10-large.png", Png(20_000, 20_000, 8, 0, []));
        Put("11-text.png", "no image"u8.ToArray());
        Put("12-good.png", good);
        var isForbidden = Forbid(folder["08-forbidden.png"]);

        var rows = (await Models.Pipeline(new() { BatchSize = 4 }).Rows(DataSource.Open([folder.Root]))).ToDictionary(row => row.Path);
        Assert.Equal(12, rows.Count);
        Assert.Equal("01-truncated.png is truncated: its Png data could not be decoded to the end.", rows["01-truncated.png"].Error);
        Assert.Equal("02-empty.jpg is empty.", rows["02-empty.jpg"].Error);
        Assert.Null(rows["03-wrong-extension.jpg"].Error);
        Assert.Equal("04-bomb.png claims 60000 × 60000 pixels, more than the 178956970 that are decoded.", rows["04-bomb.png"].Error);
        Assert.Null(rows["05-cmyk.jpg"].Error);
        Assert.Equal(200 / 255f, ((float[])rows["06-16-bit.png"].Features[0].Elements)[0], 2e-3f);
        Assert.Equal([1, 0, 0], (float[])rows["07-animated.gif"].Features[0].Elements);
        Assert.Equal(isForbidden ? $"Access to the path '{folder["08-forbidden.png"]}' is denied." : null, rows["08-forbidden.png"].Error);
        Assert.Equal($"There is no file '{folder["09-dangling.png"]}'.", rows["09-dangling.png"].Error);
        Assert.Equal("10-large.png claims 20000 × 20000 pixels, more than the 178956970 that are decoded.", rows["10-large.png"].Error);
        Assert.Equal("11-text.png is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.",
            rows["11-text.png"].Error);
        Assert.Equal(Models.Mean(good), (float[])rows["12-good.png"].Features[0].Elements);
        Assert.All(rows.Values, row => Assert.Equal(row.Error is null ? 2 : 0, row.Features.Count));
    }

    [Fact]
    public async Task Pipes_and_rings_of_links_keep_nobody_waiting()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links differ there.");
        Put("1.png", Pictures.Encoded(1));
        Programs.Run(["mkfifo", folder["2.png"]]);
        File.CreateSymbolicLink(folder["3.png"], folder["2.png"]);
        File.CreateSymbolicLink(folder["4.png"], folder["5.png"]);
        File.CreateSymbolicLink(folder["5.png"], folder["4.png"]);
        Directory.CreateSymbolicLink(folder["6"], folder.Root);
        File.CreateSymbolicLink(folder["7.png"], folder["1.png"]);
        var rows = await Models.Pipeline(new() { BatchSize = 4 }).Rows(DataSource.Open([folder.Root]));
        Assert.Equal(["1.png", "2.png", "3.png", "4.png", "5.png", "7.png"], rows.Select(row => row.Path));
        Assert.Equal([null, "2.png is empty.", "3.png is empty.", null], new[] { 0, 1, 2, 5 }.Select(row => rows[row].Error));
        Assert.All(rows[3..5], row => Assert.NotNull(row.Error));
    }

    [Fact]
    public async Task Five_in_a_hundred_of_all_kinds_leave_the_others_as_they_were_and_mended_they_are_as_in_an_undisturbed_run()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links differ there.");
        const int count = 220;
        var job = await SampleJobs.Create(folder, "job", count, shardSize: 32);
        SampleJobs.CopyInputs(folder, "job", "disturbed");
        await SampleJobs.Run(job);
        byte[][] contents = [Pictures.Encoded(1)[..^200], [], "no image"u8.ToArray(), Png(60_000, 60_000, 8, 2, []), Png(20_000, 20_000, 8, 0, []),
            Cmyk(), Png(4, 3, 16, 2, [.. Enumerable.Repeat((byte)0, 3 * 25)]), Gif(), Png(2, 2, 8, 2, new byte[1 << 24]), Pictures.Encoded(2, SKEncodedImageFormat.Jpeg)];
        int[] broken = [.. Enumerable.Range(0, count / 20).Select(i => 20 * i + i)];
        foreach (var (i, row) in broken.Index())
        {
            File.Delete(folder["in", $"{row}.png"]);
            if (i < contents.Length)
                Put(Path.Combine("in", $"{row}.png"), contents[i]);
            else
                File.CreateSymbolicLink(folder["in", $"{row}.png"], folder["nowhere.png"]);
        }
        var disturbed = Job.Open(folder["disturbed"]);
        await SampleJobs.Run(disturbed);
        Assert.Empty(await SampleJobs.Wrong(disturbed));
        Assert.Equal(Rows(job).Where(row => !broken.Contains((int)row.Row)).Select(Text),
            Rows(disturbed).Where(row => !broken.Contains((int)row.Row)).Select(Text));
        foreach (var row in broken)
        {
            File.Delete(folder["in", $"{row}.png"]);
            Pictures.Write(folder["in", $"{row}.png"], row);
        }
        // What could be decoded is no error, so these rows are as the images were then.
        await SampleJobs.Worker(disturbed).RetryAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, disturbed.Status().Errors);
        Assert.Empty(await SampleJobs.Wrong(disturbed));
        var same = Rows(job).Select(Text).Zip(Rows(disturbed).Select(Text)).Index().Where(pair => pair.Item.First != pair.Item.Second);
        Assert.Equal([105, 126, 147, 168, 189], same.Select(pair => pair.Index));

        static FeatureRow[] Rows(Job job) => [.. Directory.GetFiles(Path.Combine(job.Folder, "parts"), "*.parquet").Order()
            .SelectMany(part => FeatureTableReader.Read(part, job.Schema))];
        static string Text(FeatureRow row) => $"{row.Row} {row.Path} {row.Error} {string.Join(' ', row.Features.SelectMany(feature => feature.Elements.Cast<float>()))}";
    }

    [Fact]
    public async Task A_folder_that_can_not_be_listed_is_a_row()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Rights differ there.");
        Pictures.Write(folder["in", "a", "1.png"], 1);
        Pictures.Write(folder["in", "b", "1.png"], 1);
        if (!Forbid(folder["in", "a"]))
            Assert.Skip("An administrator may list any folder.");
        var rows = await Models.Pipeline().Rows(DataSource.Open([folder["in"]]));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder["in", "a"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Equal(["a", "b/1.png"], rows.Select(row => row.Path));
        Assert.StartsWith("The folder can't be listed: ", rows[0].Error);
    }

    private void Put(string name, byte[] bytes) => File.WriteAllBytes(folder[name], bytes);

    /// <summary>Takes all rights away, and tells whether that kept anybody out: an administrator may read all the same.</summary>
    private static bool Forbid(string path)
    {
        if (OperatingSystem.IsWindows())
            return false;
        File.SetUnixFileMode(path, UnixFileMode.None);
        return !Environment.IsPrivilegedProcess;
    }

    /// <summary>A PNG file of any claim: its rows may be fewer than it says.</summary>
    private static byte[] Png(int width, int height, byte bits, byte colours, byte[] rows)
    {
        using var file = new MemoryStream();
        file.Write([0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n']);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (bits, colours);
        Chunk("IHDR", header);
        using var data = new MemoryStream();
        using (var compressed = new ZLibStream(data, CompressionLevel.Fastest, leaveOpen: true))
            compressed.Write(rows);
        Chunk("IDAT", data.ToArray());
        Chunk("IEND", []);
        return file.ToArray();

        void Chunk(string type, byte[] content)
        {
            byte[] named = [.. Encoding.ASCII.GetBytes(type), .. content];
            Span<byte> number = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
            file.Write(number);
            file.Write(named);
            BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.HashToUInt32(named));
            file.Write(number);
        }
    }

    /// <summary>Eight by eight pixels of four inks, all at half: each table of codes has one, a zero.</summary>
    private static byte[] Cmyk() =>
    [
        0xFF, 0xD8, 0xFF, 0xEE, 0, 14, .. "Adobe"u8, 0, 100, 0, 0, 0, 0, 0,
        0xFF, 0xDB, 0, 67, 0, .. Enumerable.Repeat((byte)1, 64),
        0xFF, 0xC0, 0, 20, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0,
        0xFF, 0xC4, 0, 20, 0x00, 1, .. new byte[15], 0,
        0xFF, 0xC4, 0, 20, 0x10, 1, .. new byte[15], 0,
        0xFF, 0xDA, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0,
        0, 0xFF, 0xD9,
    ];

    /// <summary>Two frames of one pixel: red, then blue.</summary>
    private static byte[] Gif() =>
    [
        .. "GIF89a"u8, 1, 0, 1, 0, 0x80, 0, 0, 255, 0, 0, 0, 0, 255,
        0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 0x01, 0,
        0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4C, 0x01, 0,
        0x3B,
    ];
}
