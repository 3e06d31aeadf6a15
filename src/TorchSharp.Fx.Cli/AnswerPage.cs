using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace TorchSharp.Fx.Cli;

/// <summary>A page of pictures with captions, in one file that refers to nothing outside it.</summary>
/// <param name="title">What stands above.</param>
internal sealed class AnswerPage(string title)
{
    private const string Style = "body{font:14px/1.4 sans-serif;margin:2em;color:#222;background:#fff}"
        + "section{display:flex;flex-wrap:wrap;gap:12px;margin-bottom:2em}h2{font-size:16px}"
        + "figure{margin:0;max-width:320px}img{height:160px;display:block}"
        + ".none{height:160px;width:160px;background:#eee;color:#666;display:grid;place-items:center}figcaption{overflow-wrap:anywhere}";

    private readonly List<XElement> content = [];

    internal void Text(string text) => content.Add(new("p", text));

    /// <summary>Adds a heading and the pictures below it.</summary>
    /// <param name="heading">What they are.</param>
    /// <param name="pictures">Each one's <c>data:</c> address, null where there is none, and the lines below it.</param>
    internal void Pictures(string heading, IEnumerable<(string? Picture, string[] Lines)> pictures)
    {
        content.Add(new("h2", heading));
        content.Add(new("section", pictures.Select(picture => new XElement("figure",
            picture.Picture is { } data ? new XElement("img", new XAttribute("src", data), new XAttribute("alt", picture.Lines[0]))
                : new XElement("div", new XAttribute("class", "none"), "no picture"),
            new XElement("figcaption", picture.Lines.Select(line => new XElement("div", line)))))));
    }

    internal void Print()
    {
        using var output = Console.OpenStandardOutput();
        output.Write("<!DOCTYPE html>\n"u8);
        var html = new XElement("html", new XAttribute("lang", "en"),
            new XElement("head", new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement("meta", new XAttribute("http-equiv", "Content-Security-Policy"),
                    new XAttribute("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'")),
                new XElement("title", title), new XElement("style", Style)),
            new XElement("body", new XElement("h1", title), content));
        // A path may have letters that XML lacks.
        using (var writer = XmlWriter.Create(output, new() { OmitXmlDeclaration = true, Encoding = new UTF8Encoding(false),
            CheckCharacters = false }))
            html.WriteTo(writer);
        output.WriteByte((byte)'\n');
    }
}
