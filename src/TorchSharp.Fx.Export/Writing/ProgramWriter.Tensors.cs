using System.Collections;
using System.Runtime.CompilerServices;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>The parts of the archive that hold tensors.</summary>
internal sealed partial class ProgramWriter
{
    private static void WriteTensors(StoredZip zip, string name, string kind, IEnumerable<(string Name, StateInput Input)> tensors,
        string prefix)
    {
        var files = new Dictionary<StateInput, string>();
        using var list = new MemoryStream();
        using (var json = new Utf8JsonWriter(list, Options))
        {
            var write = new ProgramJson(json);
            write.Object(() => write.Object("config", () =>
            {
                foreach (var (path, input) in tensors)
                {
                    if (!files.TryGetValue(input, out var file))
                    {
                        files.Add(input, file = $"{prefix}_{files.Count}");
                        using var bytes = new MemoryStream();
                        TensorBytes.Write(input.Tensor, bytes);
                        zip.Add($"{name}/data/{kind}/{file}", bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
                    }
                    write.Object(path, () =>
                    {
                        json.WriteString("path_name", file);
                        json.WriteBoolean("is_param", input.Kind == StateKind.Parameter);
                        json.WriteBoolean("use_pickle", false);
                        write.Object("tensor_meta", () => write.Meta(Fact.OfTensor.Of(input.Tensor)));
                    });
                }
            }));
        }
        zip.Add($"{name}/data/{kind}/{Model}_{kind}_config.json", list.ToArray());
    }

    /// <summary>The example's inputs as PyTorch keeps them beside the program: a pickle of arguments and named arguments.</summary>
    private byte[] SampleInputs()
    {
        using var buffer = new MemoryStream();
        var archive = new TorchArchive(buffer, "archive");
        archive.Add("data", pickle => pickle.Tuple(() =>
        {
            pickle.Tuple(() => Array.ForEach(inputs, input => Pickle(pickle, input)));
            pickle.Dictionary(() => { });
        }));
        archive.Finish();
        return buffer.ToArray();
    }

    private static void Pickle(PickleWriter pickle, object? input)
    {
        switch (input)
        {
            case Tensor tensor: pickle.Tensor(tensor); break;
            case IDictionary dictionary:
                pickle.Dictionary(() =>
                {
                    foreach (var key in dictionary.Keys)
                    {
                        pickle.Text((string)key);
                        Pickle(pickle, dictionary[key]);
                    }
                });
                break;
            case ITuple tuple:
                pickle.Tuple(() =>
                {
                    foreach (var item in Structure.Items(tuple))
                        Pickle(pickle, item);
                });
                break;
            case IList many:
                pickle.List(() =>
                {
                    foreach (var item in many)
                        Pickle(pickle, item);
                });
                break;
            case bool flag: pickle.Bool(flag); break;
            case string text: pickle.Text(text); break;
            case null: pickle.None(); break;
            case double number: pickle.Float(number); break;
            default: pickle.Number(Convert.ToInt64(input, System.Globalization.CultureInfo.InvariantCulture)); break;
        }
    }
}
