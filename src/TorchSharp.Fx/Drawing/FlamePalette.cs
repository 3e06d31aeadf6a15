namespace TorchSharp.Fx.Drawing;

/// <summary>The colours of a flame graph, in a light and a dark theme.</summary>
internal static class FlamePalette
{
    private static readonly string[] Light = ["#f4b183", "#9cc5ec", "#b5d99c", "#f3d36b", "#d3b8ea", "#8ed5cb", "#f2a9b4", "#c8c2a0"];
    private static readonly string[] Dark = ["#a3592a", "#2f6699", "#4b7a31", "#8a6c10", "#73529a", "#23786d", "#98475a", "#6a6442"];

    /// <summary>How many colours there are for operations.</summary>
    internal static int Hues => Light.Length;

    internal static string Css { get; } = $$"""

          .page { fill: #ffffff } text { fill: #1f2933 } .module rect { fill: #e4e8ed } .other rect, rect.other { fill: #c5ccd4 }
          {{Rules(Light)}}
          g[data-row]:hover rect { stroke: #1f2933 }
          @media (prefers-color-scheme: dark) {
            .page { fill: #14181d } text { fill: #e8ecf1 } .module rect { fill: #2c343d } .other rect, rect.other { fill: #4b5663 }
            {{Rules(Dark)}}
            g[data-row]:hover rect { stroke: #e8ecf1 }
          }

        """;

    private static string Rules(string[] colours)
        => string.Join(' ', colours.Select((colour, kind) => $".hue{kind} rect, rect.hue{kind} {{ fill: {colour} }}"));
}
