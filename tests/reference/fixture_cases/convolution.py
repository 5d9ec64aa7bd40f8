"""conv2d and conv_transpose2d."""

from torch.nn import functional as F

from .case import Case, nchw, nhwc


def conv2d(x, weight, bias=None, **settings):
    return nhwc(F.conv2d(nchw(x), nchw(weight), bias, **settings))


def conv_transpose2d(x, weight, bias=None, **settings):
    return nhwc(F.conv_transpose2d(nchw(x), nchw(weight), bias, **settings))


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
