"""Layers and losses of PyTorch that `explain` has rules for; see `explain_cases.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from explain_cases import BLOCK, LINES, PICTURE, SEQUENCE, TARGETS, Case, Shape


def _layer(make: Callable[[], nn.Module], shapes: tuple[Shape, ...] = PICTURE) -> Case:
    return Case(lambda m, x: m(x), shapes, modules=make)


def _without_gradients(part: Callable[..., Any], *inputs: Tensor) -> Tensor:
    with torch.no_grad():
        answer = part(*inputs)
    return answer if isinstance(answer, Tensor) else answer[0]


CONVOLUTIONS: dict[str, Case] = {
    "convolution": _layer(lambda: nn.Conv2d(4, 3, 3, padding=1)),
    "convolution with strides": _layer(lambda: nn.Conv2d(4, 2, (3, 2), stride=(2, 1))),
    "convolution, dilated": _layer(lambda: nn.Conv2d(4, 2, 2, dilation=2, bias=False)),
    "convolution in groups": _layer(lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2)),
    "convolution by depth": _layer(lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4)),
    "convolution, circular": _layer(
        lambda: nn.Conv2d(4, 2, 3, padding=1, padding_mode="circular")),
    "convolution, reflected": _layer(
        lambda: nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect")),
    "convolution, same": _layer(lambda: nn.Conv2d(4, 2, 2, padding="same")),
    "convolution of lines": _layer(lambda: nn.Conv1d(3, 2, 3, padding=1), LINES),
    "convolution of blocks": _layer(lambda: nn.Conv3d(2, 3, 2), BLOCK),
    "convolution of one picture": _layer(lambda: nn.Conv2d(4, 3, 3), ((4, 5, 6),)),
    "transposed convolution": _layer(
        lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1)),
    "transposed convolution in groups": _layer(
        lambda: nn.ConvTranspose2d(4, 4, 2, stride=2, groups=2)),
    "transposed convolution of lines": _layer(
        lambda: nn.ConvTranspose1d(3, 2, 3, dilation=2), LINES),
    "convolution, channels last": Case(
        lambda m, x: m.to(memory_format=torch.channels_last)(
            x.contiguous(memory_format=torch.channels_last)),
        PICTURE, modules=lambda: nn.Conv2d(4, 3, 3, padding=1)),
    "weight norm": _layer(
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), ((2, 4),)),
    "spectral norm": _layer(
        lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), ((2, 4),)),
    "old weight norm": _layer(lambda: nn.utils.weight_norm(nn.Linear(4, 3)), ((2, 4),)),
}  # fmt: skip
"""Sliding filters."""


pooled: dict[str, tuple[Callable[..., Any], tuple[Shape, ...]]] = {
    "max_pool2d_with_indices": (lambda x: f.max_pool2d(x, 2), PICTURE),
    "max_pool2d, wide": (lambda x: f.max_pool2d(x, 3, 2, 1, ceil_mode=True), PICTURE),
    "max_pool2d, dilated": (lambda x: f.max_pool2d(x, 2, 1, dilation=2), PICTURE),
    "max_pool1d": (lambda x: f.max_pool1d(x, 2), LINES),
    "max_pool3d_with_indices": (lambda x: f.max_pool3d(x, 2, 1), BLOCK),
    "avg_pool1d": (lambda x: f.avg_pool1d(x, 3, 2, 1), LINES),
    "avg_pool2d": (lambda x: f.avg_pool2d(x, 2), PICTURE),
    "avg_pool2d, wide": (
        lambda x: f.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False), PICTURE),
    "avg_pool2d, own divisor": (
        lambda x: f.avg_pool2d(x, 3, 2, 1, divisor_override=5), PICTURE),
    "avg_pool3d": (lambda x: f.avg_pool3d(x, 2, 1), BLOCK),
    "lp_pool2d": (lambda x: f.lp_pool2d(x.abs(), 2, 2), PICTURE),
    "_adaptive_avg_pool2d": (lambda x: f.adaptive_avg_pool2d(x, (2, 4)), PICTURE),
    "adaptive_avg_pool2d to 1": (lambda x: f.adaptive_avg_pool2d(x, 1), PICTURE),
    "_adaptive_avg_pool1d": (lambda x: f.adaptive_avg_pool1d(x, 4), LINES),
    "_adaptive_avg_pool3d": (lambda x: f.adaptive_avg_pool3d(x, (2, 3, 3)), BLOCK),
    "adaptive_max_pool2d": (lambda x: f.adaptive_max_pool2d(x, (2, 4)), PICTURE),
    "adaptive_max_pool1d": (lambda x: f.adaptive_max_pool1d(x, 4), LINES),
    "adaptive_max_pool3d": (lambda x: f.adaptive_max_pool3d(x, 2), BLOCK),
    "max_unpool2d": (
        lambda x: f.max_unpool2d(*f.max_pool2d(x, 2, return_indices=True), 2),
        ((1, 2, 4, 6),)),
    "max_unpool3d": (
        lambda x: f.max_unpool3d(*f.max_pool3d(x, 2, return_indices=True), 2),
        ((1, 1, 4, 4, 2),)),
    "_upsample_nearest_exact1d": (
        lambda x: f.interpolate(x, 9, mode="nearest-exact"), LINES),
    "_upsample_nearest_exact3d": (
        lambda x: f.interpolate(x, scale_factor=1.5, mode="nearest-exact"), BLOCK),
    "local response norm": (lambda x: f.local_response_norm(x, 3), PICTURE),
    "upsample_nearest1d": (lambda x: f.interpolate(x, scale_factor=2), LINES),
    "upsample_nearest2d": (lambda x: f.interpolate(x, (7, 4)), PICTURE),
    "upsample_nearest2d by scale": (lambda x: f.interpolate(x, scale_factor=1.7), PICTURE),
    "upsample_nearest3d": (lambda x: f.interpolate(x, scale_factor=2), BLOCK),
    "_upsample_nearest_exact2d": (
        lambda x: f.interpolate(x, (7, 4), mode="nearest-exact"), PICTURE),
    "upsample_linear1d": (lambda x: f.interpolate(x, 9, mode="linear"), LINES),
    "upsample_bilinear2d": (
        lambda x: f.interpolate(x, scale_factor=2, mode="bilinear"), PICTURE),
    "upsample_bilinear2d by scale": (
        lambda x: f.interpolate(x, scale_factor=1.3, mode="bilinear"), PICTURE),
    "upsample_bilinear2d, corners": (
        lambda x: f.interpolate(x, (7, 9), mode="bilinear", align_corners=True), PICTURE),
    "upsample_trilinear3d": (
        lambda x: f.interpolate(x, scale_factor=2, mode="trilinear"), BLOCK),
    "upsample_bicubic2d": (
        lambda x: f.interpolate(x, scale_factor=2, mode="bicubic"), PICTURE),
    "_upsample_bilinear2d_aa": (
        lambda x: f.interpolate(x, (3, 3), mode="bilinear", antialias=True), PICTURE),
    "shrunk by area": (lambda x: f.interpolate(x, (3, 3), mode="area"), PICTURE),
    "grid_sampler_2d": (
        lambda x: f.grid_sample(x, f.affine_grid(
            torch.eye(2, 3, dtype=x.dtype)[None] * 0.7, [1, 2, 4, 4], align_corners=False),
            align_corners=False), ((1, 2, 4, 4),)),
}  # fmt: skip
WINDOWS: dict[str, Case] = {
    name: Case(function, shapes) for name, (function, shapes) in pooled.items()
}
"""Pooling and enlarging."""


NORMS: dict[str, Case] = {
    "native_batch_norm": _layer(lambda: nn.BatchNorm2d(4)),
    "batch norm of rows": _layer(lambda: nn.BatchNorm1d(4), ((5, 4),)),
    "batch norm that judges": _layer(lambda: nn.BatchNorm2d(4).eval()),
    "batch norm without weights": _layer(lambda: nn.BatchNorm2d(4, affine=False)),
    "batch norm without memory": _layer(
        lambda: nn.BatchNorm2d(4, track_running_stats=False)),
    "batch norm with cumulative mean": _layer(lambda: nn.BatchNorm2d(4, momentum=None)),
    "batch norm, channels last": Case(
        lambda m, x: m(x.contiguous(memory_format=torch.channels_last)), PICTURE,
        modules=lambda: nn.BatchNorm2d(4)),
    "batch norm of blocks": _layer(lambda: nn.BatchNorm3d(2), BLOCK),
    "_native_batch_norm_legit": Case(
        lambda x: torch.ops.aten._native_batch_norm_legit(
            x, None, None, torch.zeros(4, dtype=x.dtype), torch.ones(4, dtype=x.dtype),
            True, 0.1, 1e-5)[0], PICTURE),
    "_batch_norm_with_update": Case(
        lambda x: x * torch.ops.aten._batch_norm_with_update(
            x.detach(), torch.ones(4, dtype=x.dtype), None, torch.zeros(4, dtype=x.dtype),
            torch.ones(4, dtype=x.dtype), 0.1, 1e-5)[0], PICTURE),
    "_native_batch_norm_legit_no_training": Case(
        lambda x: torch.ops.aten._native_batch_norm_legit_no_training(
            x.detach(), None, None, torch.zeros(4, dtype=x.dtype),
            torch.ones(4, dtype=x.dtype), 0.1, 1e-5)[0] * x, PICTURE),
    "instance norm": _layer(lambda: nn.InstanceNorm2d(4, affine=True)),
    "instance norm with memory": _layer(
        lambda: nn.InstanceNorm2d(4, track_running_stats=True)),
    "native_group_norm": _layer(lambda: nn.GroupNorm(2, 4)),
    "group norm without weights": _layer(lambda: nn.GroupNorm(2, 4, affine=False)),
    "native_layer_norm": _layer(lambda: nn.LayerNorm(8), SEQUENCE),
    "layer norm of planes": _layer(lambda: nn.LayerNorm((5, 6))),
    "layer norm without weights": _layer(
        lambda: nn.LayerNorm(8, elementwise_affine=False), SEQUENCE),
    "layer norm of rows": _layer(lambda: nn.LayerNorm(8, bias=False), ((8,),)),
    "_fused_rms_norm": _layer(lambda: nn.RMSNorm(8), SEQUENCE),
}  # fmt: skip
"""Norms while they learn and while they judge."""


rows, pair = ((3, 4),), ((3, 4), (3, 4))
classes = torch.tensor([[0, 2, 1], [3, -100, 1]])
weight = torch.tensor([1.0, 2.0, 0.5, 3.0])
side = torch.tensor([1.0, -1.0, 1.0])


def _loss(function: Callable[..., Any], shapes: tuple[Shape, ...] = pair, **named: Any) -> Case:
    return Case(function, shapes, **named)


LOSSES: dict[str, Case] = {
    "nll_loss_forward": _loss(lambda x: f.cross_entropy(x, TARGETS), rows),
    "cross entropy, summed": _loss(lambda x: f.cross_entropy(x, TARGETS, reduction="sum"), rows),
    "cross entropy, each": _loss(lambda x: f.cross_entropy(x, TARGETS, reduction="none"), rows),
    "cross entropy, weighed": _loss(
        lambda x: f.cross_entropy(x, TARGETS, weight=weight.to(x.dtype)), rows),
    "cross entropy, smoothed": _loss(
        lambda x: f.cross_entropy(x, TARGETS, label_smoothing=0.1), rows),
    "cross entropy, of shares": _loss(lambda x, y: f.cross_entropy(x, y.softmax(1))),
    "nll_loss2d_forward": _loss(
        lambda x: f.cross_entropy(x[..., None], classes[..., None]), ((2, 4, 3),)),
    "cross entropy of one": _loss(lambda x: f.cross_entropy(x, TARGETS[0]), ((4,),)),
    "cross entropy of lines": _loss(lambda x: f.cross_entropy(x, classes), ((2, 4, 3),)),
    "mse_loss": _loss(f.mse_loss), "squared, each": _loss(
        lambda x, y: f.mse_loss(x, y, reduction="none")),
    "squared, summed": _loss(lambda x, y: f.mse_loss(x, y, reduction="sum")),
    "l1_loss": _loss(f.l1_loss), "smooth_l1_loss": _loss(f.smooth_l1_loss),
    "smooth, with beta": _loss(lambda x, y: f.smooth_l1_loss(x, y, beta=0.3)),
    "huber_loss": _loss(lambda x, y: f.huber_loss(x, y, delta=0.7)),
    "huber, each": _loss(lambda x, y: f.huber_loss(x, y, reduction="none")),
    "binary_cross_entropy": _loss(
        lambda x, y: f.binary_cross_entropy(torch.sigmoid(x), torch.sigmoid(y.detach()))),
    "binary cross entropy, weighed": _loss(
        lambda x, y: f.binary_cross_entropy(
            torch.sigmoid(x), torch.sigmoid(y.detach()), y.detach().abs(), reduction="sum")),
    "binary_cross_entropy_with_logits": _loss(
        lambda x, y: f.binary_cross_entropy_with_logits(x, torch.sigmoid(y.detach()))),
    "binary logits, weighed": _loss(
        lambda x, y: f.binary_cross_entropy_with_logits(
            x, torch.sigmoid(y.detach()), y.detach().abs(),
            pos_weight=weight.to(x.dtype))),
    "kl_div": _loss(lambda x, y: f.kl_div(x.log_softmax(1), y.softmax(1),
                                       reduction="batchmean")),
    "kl_div of logarithms": _loss(lambda x, y: f.kl_div(
        x.log_softmax(1), y.log_softmax(1), log_target=True, reduction="sum")),
    "soft_margin_loss": _loss(lambda x, y: f.soft_margin_loss(x, y.detach().sign())),
    "hinge embedding": _loss(lambda x, y: f.hinge_embedding_loss(x, y.detach().sign())),
    "margin ranking": _loss(lambda x, y: f.margin_ranking_loss(
        x[:, 0], y[:, 0], side.to(x.dtype), margin=0.3)),
    "cosine embedding": _loss(lambda x, y: f.cosine_embedding_loss(x, y, side.to(x.dtype))),
    "multi_margin_loss": _loss(lambda x: f.multi_margin_loss(x, TARGETS), rows),
    "multilabel_margin_loss": _loss(lambda x: f.multilabel_margin_loss(
        x, torch.tensor([[1, 2, -1, 0], [0, -1, 1, 1], [3, 2, 1, -1]])), rows),
    "multilabel soft margin": _loss(lambda x, y: f.multilabel_soft_margin_loss(
        x, (y.detach() > 0).to(x.dtype))),
    "triplet": _loss(f.triplet_margin_loss, ((3, 4), (3, 4), (3, 4))),
    "poisson": _loss(lambda x, y: f.poisson_nll_loss(x, y.detach().abs())),
    "gaussian": _loss(lambda x, y: f.gaussian_nll_loss(x, y.detach(), x.square() + 1)),
    "_ctc_loss": _loss(lambda x: f.ctc_loss(
        x.log_softmax(2), torch.tensor([[1, 2], [3, 1]]), (5, 5), (2, 2)), ((5, 2, 4),)),
    "_softmax": _loss(lambda x: x.softmax(1), LINES),
    "_log_softmax": _loss(lambda x: x.log_softmax(-1), LINES),
    "softmin": _loss(lambda x: f.softmin(x, 0), LINES),
    "gumbel": _loss(lambda x: f.gumbel_softmax(x, hard=True), rows),
    "_safe_softmax": _loss(lambda x: torch.ops.aten._safe_softmax(
        x.detach().masked_fill(torch.eye(3, 4) > 0, -math.inf), 1) * x, rows),
}  # fmt: skip
"""What a network learns from. The inputs are predictions; the targets stand here."""


ahead = nn.Transformer.generate_square_subsequent_mask(5)
padded = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
heads: tuple[Shape, ...] = ((2, 2, 5, 4),) * 3


def _attend(**named: Any) -> Case:
    return Case(lambda q, k, v: f.scaled_dot_product_attention(q, k, v, **named), heads)


def _sequence_layer(make: Callable[[], nn.Module], *more: Any, **named: Any) -> Case:
    return Case(lambda m, x: m(x, *more, **named), SEQUENCE, modules=make)


def _multihead(**named: Any) -> Case:
    return Case(lambda m, x: m(x, x, x, **named), SEQUENCE,
                modules=lambda: nn.MultiheadAttention(8, 2, batch_first=True))  # fmt: skip


encoder: dict[str, Any] = {"d_model": 8, "nhead": 2, "dim_feedforward": 6, "batch_first": True}
SEQUENCES: dict[str, Case] = {
    "_scaled_dot_product_flash_attention_for_cpu": _attend(),
    "attention, causal": _attend(is_causal=True),
    "attention with a mask": _attend(attn_mask=torch.ones(5, 5).tril().bool()),
    "attention with added scores": Case(
        lambda q, k, v: f.scaled_dot_product_attention(
            q, k, v, attn_mask=torch.arange(25, dtype=q.dtype).reshape(5, 5) / 9), heads),
    "attention, scaled": _attend(scale=0.3),
    "attention with dropout": _attend(dropout_p=0.3),
    "attention in groups": Case(
        lambda q, k: f.scaled_dot_product_attention(q, k, k, enable_gqa=True),
        ((2, 4, 5, 4), (2, 2, 5, 4))),
    "multihead": _multihead(need_weights=False), "multihead with shares": _multihead(),
    "multihead, causal": _multihead(attn_mask=ahead, is_causal=True, need_weights=False),
    "multihead, padded": _multihead(key_padding_mask=padded),
    "multihead, each head": _multihead(average_attn_weights=False),
    "encoder layer": _sequence_layer(lambda: nn.TransformerEncoderLayer(**encoder, dropout=0.2)),
    "encoder layer that judges": _sequence_layer(
        lambda: nn.TransformerEncoderLayer(**encoder).eval()),
    "encoder, padded": _sequence_layer(lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(**encoder, dropout=0.0), 2), src_key_padding_mask=padded),
    "decoder layer": Case(lambda m, x, y: m(x, y, tgt_mask=ahead.to(x.dtype)),
                          SEQUENCE * 2, modules=lambda: nn.TransformerDecoderLayer(**encoder)),
    "_transformer_encoder_layer_fwd": Case(
        lambda m, x: x * _without_gradients(m, x), SEQUENCE,
        modules=lambda: nn.TransformerEncoderLayer(**encoder).eval()),
    "_native_multi_head_attention": Case(
        lambda m, x: x * _without_gradients(lambda y: m(y, y, y), x), SEQUENCE,
        modules=lambda: nn.MultiheadAttention(8, 2, batch_first=True).eval()),
    "mkldnn_rnn_layer": _sequence_layer(lambda: nn.LSTM(8, 3, batch_first=True)),
    "lstm, deep and both ways": _sequence_layer(
        lambda: nn.LSTM(8, 3, 2, bidirectional=True, dropout=0.3)),
    "lstm without biases": _sequence_layer(lambda: nn.LSTM(8, 3, bias=False)),
    "lstm with projection": _sequence_layer(lambda: nn.LSTM(8, 4, proj_size=3)),
    "lstm of a packed sequence": Case(
        lambda m, x: m(nn.utils.rnn.pack_padded_sequence(x, [5, 3], batch_first=True))[1],
        SEQUENCE, modules=lambda: nn.LSTM(8, 3, batch_first=True)),
    "gru": _sequence_layer(lambda: nn.GRU(8, 3, 2, batch_first=True, dropout=0.3)),
    "gru of a packed sequence": Case(
        lambda m, x: m(nn.utils.rnn.pack_padded_sequence(x, [5, 3], batch_first=True))[1],
        SEQUENCE, modules=lambda: nn.GRU(8, 3, batch_first=True)),
    "rnn": _sequence_layer(lambda: nn.RNN(8, 3, nonlinearity="relu", bidirectional=True)),
    "lstm cell": Case(lambda m, x: m(x), ((3, 8),), modules=lambda: nn.LSTMCell(8, 3)),
    "gru cell": Case(lambda m, x: m(x), ((3, 8),), modules=lambda: nn.GRUCell(8, 3)),
}  # fmt: skip
"""Attention and recurrent layers."""
