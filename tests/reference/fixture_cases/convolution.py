"""conv2d and conv_transpose2d."""

import torch
from torch.nn import functional as F

from .case import Case, nchw, nhwc, same_padding


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    x, weight = nchw(x), nchw(weight)
    if padding == "same" and stride > 1:  # PyTorch has it for stride 1 only
        x, padding = same_padding(x, weight.shape[2:], stride, dilation), 0
    return nhwc(F.conv2d(x, weight, bias, stride, padding, dilation, groups))


def conv2d_of_two(x, x1, weight, bias, **settings):
    return conv2d(torch.cat([x, x1], -1), weight, bias, **settings)


def conv_transpose2d(
    x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1
):
    x, weight = nchw(x), nchw(weight)
    if padding != "same":
        return nhwc(
            F.conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation)
        )
    # The window of size * stride pixels that the convolution, which pads, has as its input.
    whole = F.conv_transpose2d(x, weight, None, stride, 0, 0, groups, dilation)
    sides = []
    for axis in (3, 2):
        size = x.shape[axis] * stride
        before = max(dilation * (weight.shape[axis] - 1) + 1 - stride, 0) // 2
        sides += [-before, size + before - whole.shape[axis]]
    y = nhwc(F.pad(whole, sides))
    return y if bias is None else y + bias


def cases():
    def conv(variant, x, weight, bias=True, **settings):
        inputs = {"x": x, "weight": weight} | ({"bias": weight[:1]} if bias else {})
        return Case("conv2d", variant, conv2d, inputs, settings)

    yield conv("padded", (2, 7, 6, 3), (4, 3, 3, 3), padding=1)
    yield conv("stride_2_without_bias", (1, 9, 8, 5), (6, 3, 3, 5), bias=False, stride=2, padding=1)
    yield conv("dilation_4", (1, 13, 11, 4), (3, 3, 3, 4), padding=4, dilation=4)
    yield conv(
        "dilation_12_reaches_past_the_image", (1, 9, 9, 3), (2, 3, 3, 3), padding=12, dilation=12
    )
    yield conv("1x1_of_odd_channels", (2, 5, 5, 17), (9, 1, 1, 17))
    yield conv("33_to_35_channels", (1, 5, 6, 33), (35, 3, 3, 33), padding=1)
    yield conv(
        "kernel_of_7_stride_2", (1, 15, 14, 3), (8, 7, 7, 3), bias=False, stride=2, padding=3
    )
    yield conv("kernel_2x4_stride_3", (2, 8, 10, 2), (3, 2, 4, 2), stride=3, padding=2)
    yield conv("2_groups", (2, 6, 6, 6), (4, 3, 3, 3), padding=1, groups=2)
    yield conv(
        "depthwise_dilation_2", (1, 7, 8, 19), (19, 3, 3, 1), padding=2, dilation=2, groups=19
    )
    yield conv("depthwise_times_2", (1, 6, 5, 4), (8, 3, 3, 1), stride=2, padding=1, groups=4)
    yield conv("same", (1, 5, 6, 3), (4, 4, 3, 3), padding="same", dilation=2)
    yield conv("same_stride_2", (1, 7, 8, 3), (4, 3, 3, 3), padding="same", stride=2)

    inputs = {"x": (2, 6, 7, 17), "x1": (2, 6, 7, 3), "weight": (5, 3, 3, 20), "bias": (5,)}
    yield Case("conv2d", "two_inputs", conv2d_of_two, inputs, {"padding": 2, "dilation": 2})

    def transposed(variant, x, weight, bias=None, **settings):
        inputs = {"x": x, "weight": weight} | ({"bias": bias} if bias else {})
        return Case("conv_transpose2d", variant, conv_transpose2d, inputs, settings)

    yield transposed("doubles", (2, 4, 5, 6), (6, 2, 2, 3), (3,), stride=2)
    yield transposed(
        "overlapping_taps", (1, 4, 3, 5), (5, 3, 3, 2), stride=2, padding=1, output_padding=1
    )
    yield transposed("dilated", (1, 5, 6, 3), (3, 3, 3, 4), (4,), padding=1, dilation=2)
    yield transposed("2_groups", (1, 4, 4, 6), (6, 3, 3, 2), (4,), stride=2, padding=1, groups=2)
    yield transposed(
        "kernel_4_of_17_channels", (1, 3, 4, 17), (17, 4, 4, 9), (9,), stride=2, padding=1
    )
    yield transposed("same", (1, 4, 5, 3), (3, 3, 3, 4), (4,), stride=2, padding="same")
    yield transposed("same_with_gaps", (1, 3, 4, 3), (3, 2, 2, 4), (4,), stride=3, padding="same")
