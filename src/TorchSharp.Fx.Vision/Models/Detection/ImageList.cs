using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision;

/// <summary>
/// Images of different sizes in one tensor, each in the upper left corner. <c>torchvision.models.detection.image_list.ImageList</c>
/// </summary>
/// <param name="tensors">[N, C, H, W]; beyond an image it is 0.</param>
/// <param name="image_sizes">Height and width of each image.</param>
public sealed record ImageList(Tensor tensors, List<(long height, long width)> image_sizes);
