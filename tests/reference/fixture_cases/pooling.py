"""Pooling."""

from torch.nn import functional as F

from .case import Case, nchw, nhwc, spaced


def max_pool2d(x, kernel_size, stride=0, **settings):
    return nhwc(F.max_pool2d(nchw(x), kernel_size, stride or kernel_size, **settings))


def avg_pool2d(x, kernel_size, stride=0, **settings):
    return nhwc(F.avg_pool2d(nchw(x), kernel_size, stride or kernel_size, **settings))


def cases():
    def largest(variant, shape, **settings):
        return Case("max_pool2d", variant, max_pool2d, {"x": spaced(*shape)}, settings)

    yield largest("halves_odd_sizes", (2, 7, 5, 3), kernel_size=2)
    yield largest("overlapping_and_padded", (1, 9, 8, 5), kernel_size=3, stride=2, padding=1)
    yield largest("dilated", (1, 8, 9, 3), kernel_size=2, stride=1, padding=1, dilation=2)
    yield largest("stride_wider_than_kernel", (1, 9, 10, 17), kernel_size=2, stride=3)

    def mean(variant, shape, **settings):
        return Case("avg_pool2d", variant, avg_pool2d, {"x": shape}, settings)

    yield mean("halves_odd_sizes", (2, 7, 5, 3), kernel_size=2)
    yield mean("counts_the_padding", (1, 9, 8, 5), kernel_size=3, stride=2, padding=1)
    yield mean(
        "leaves_the_padding_out",
        (1, 9, 8, 5),
        kernel_size=3,
        stride=2,
        padding=1,
        count_include_pad=False,
    )
    yield mean("overlapping", (1, 6, 7, 17), kernel_size=5, stride=1, padding=2)
