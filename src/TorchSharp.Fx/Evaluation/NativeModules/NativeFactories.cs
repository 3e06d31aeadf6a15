using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// The modules that TorchSharp keeps in native code, made from numbers alone. TorchSharp's own factories take a layer where a stack of
/// layers is made.
/// </summary>
internal static class NativeFactories
{
    internal static nn.Module Embedding(
        long num_embeddings, long embedding_dims, long? padding_idx, double? max_norm, double norm_type, bool scale_grad_by_freq,
        bool sparse)
        => nn.Embedding(num_embeddings, embedding_dims, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);

    internal static nn.Module EmbeddingBag(
        long num_embeddings, long embedding_dims, double? max_norm, double norm_type, bool scale_grad_by_freq, EmbeddingBagMode mode,
        bool sparse,
        bool include_last_offset, long padding_index)
        => nn.EmbeddingBag(num_embeddings, embedding_dims, max_norm, norm_type, scale_grad_by_freq, mode, sparse, include_last_offset,
            padding_index);

    internal static nn.Module LSTM(long inputSize, long hiddenSize, long numLayers, bool bias, bool batchFirst, double dropout,
        bool bidirectional)
        => nn.LSTM(inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional);

    internal static nn.Module GRU(long inputSize, long hiddenSize, long numLayers, bool bias, bool batchFirst, double dropout,
        bool bidirectional)
        => nn.GRU(inputSize, hiddenSize, numLayers, bias, batchFirst, dropout, bidirectional);

    internal static nn.Module RNN(
        long inputSize, long hiddenSize, long numLayers, nn.NonLinearities nonLinearity, bool bias, bool batchFirst, double dropout,
        bool bidirectional)
        => nn.RNN(inputSize, hiddenSize, numLayers, nonLinearity, bias, batchFirst, dropout, bidirectional);

    internal static nn.Module LSTMCell(long inputSize, long hiddenSize, bool bias) => nn.LSTMCell(inputSize, hiddenSize, bias);

    internal static nn.Module GRUCell(long inputSize, long hiddenSize, bool bias) => nn.GRUCell(inputSize, hiddenSize, bias);

    internal static nn.Module RNNCell(long inputSize, long hiddenSize, nn.NonLinearities nonLinearity, bool bias)
        => nn.RNNCell(inputSize, hiddenSize, nonLinearity, bias);

    internal static nn.Module MultiheadAttention(
        long embedded_dim, long num_heads, double dropout, bool bias, bool add_bias_kv, bool add_zero_attn, long kdim, long vdim)
        => nn.MultiheadAttention(embedded_dim, num_heads, dropout, bias, add_bias_kv, add_zero_attn, kdim, vdim);

    internal static nn.Module TransformerEncoderLayer(long d_model, long nhead, long dim_feedforward, double dropout,
        nn.Activations activation)
        => nn.TransformerEncoderLayer(d_model, nhead, dim_feedforward, dropout, activation);

    internal static nn.Module TransformerDecoderLayer(long d_model, long nhead, long dim_feedforward, double dropout,
        nn.Activations activation)
        => nn.TransformerDecoderLayer(d_model, nhead, dim_feedforward, dropout, activation);

    internal static nn.Module TransformerEncoder(long d_model, long nhead, long dim_feedforward, double dropout, nn.Activations activation,
        long num_layers)
    {
        using var layer = nn.TransformerEncoderLayer(d_model, nhead, dim_feedforward, dropout, activation);
        return nn.TransformerEncoder(layer, num_layers);
    }

    internal static nn.Module TransformerDecoder(long d_model, long nhead, long dim_feedforward, double dropout, nn.Activations activation,
        long num_layers)
    {
        using var layer = nn.TransformerDecoderLayer(d_model, nhead, dim_feedforward, dropout, activation);
        return nn.TransformerDecoder(layer, num_layers);
    }

    internal static nn.Module Transformer(
        long d_model, long nhead, long num_encoder_layers, long num_decoder_layers, long dim_feedforward, double dropout,
        nn.Activations activation)
        => nn.Transformer(d_model, nhead, num_encoder_layers, num_decoder_layers, dim_feedforward, dropout, activation);
}
