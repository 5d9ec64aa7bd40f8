"""Pooling by windows, by bins, and of whole images."""

import torch
from torch.nn import functional as F

from .case import Case, nchw, nhwc, normal, same_padding, spaced


def max_pool2d(x, kernel_size, stride=0, padding=0, dilation=1, ceil_mode=False):
    x, stride = nchw(x), stride or kernel_size
    if padding == "same":
        size = (kernel_size, kernel_size)
        x, padding = same_padding(x, size, stride, dilation, value=-torch.inf), 0
    return nhwc(F.max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode))


def avg_pool2d(x, kernel_size, stride=0, padding=0, ceil_mode=False, count_include_pad=True):
    x, stride = nchw(x), stride or kernel_size
    if padding == "same":  # sums, divided by the pixels of the window inside the image
        size = (kernel_size, kernel_size)
        sums, counts = (
            F.avg_pool2d(same_padding(t, size, stride), size, stride, divisor_override=1)
            for t in (x, torch.ones_like(x))
        )
        return nhwc(sums / counts)
    return nhwc(F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad))


def adaptive(pool):
    return lambda x, out_h=1, out_w=1: nhwc(pool(nchw(x), (out_h, out_w)))


def cases():
    def largest(variant, shape, kernel_size, **settings):
        attributes = {"kernel_size": kernel_size} | settings
        return Case("max_pool2d", variant, max_pool2d, {"x": spaced(*shape)}, attributes)

    yield largest("halves_odd_sizes", (2, 7, 5, 3), 2)
    yield largest("overlapping_and_padded", (1, 9, 8, 5), 3, stride=2, padding=1)
    yield largest("dilated", (1, 8, 9, 3), 2, stride=1, padding=1, dilation=2)
    yield largest("stride_wider_than_kernel", (1, 9, 10, 17), 2, stride=3)
    yield largest("ceil_mode", (2, 7, 6, 3), 3, stride=2, ceil_mode=True)
    yield largest("ceil_mode_and_padded", (1, 6, 9, 4), 3, stride=3, padding=1, ceil_mode=True)
    yield largest("same", (1, 7, 6, 3), 3, stride=2, padding="same")

    def mean(variant, shape, kernel_size, **settings):
        attributes = {"kernel_size": kernel_size} | settings
        return Case("avg_pool2d", variant, avg_pool2d, {"x": shape}, attributes)

    outside = {"count_include_pad": False}
    yield mean("halves_odd_sizes", (2, 7, 5, 3), 2)
    yield mean("counts_the_padding", (1, 9, 8, 5), 3, stride=2, padding=1)
    yield mean("leaves_the_padding_out", (1, 9, 8, 5), 3, stride=2, padding=1, **outside)
    yield mean("overlapping", (1, 6, 7, 17), 5, stride=1, padding=2)
    yield mean("ceil_mode", (2, 7, 6, 3), 3, stride=2, ceil_mode=True)
    yield mean("ceil_mode_and_padded", (1, 6, 9, 4), 4, stride=3, padding=2, ceil_mode=True)
    yield mean(
        "ceil_mode_without_padding", (1, 6, 9, 4), 4, stride=3, padding=2, ceil_mode=True, **outside
    )
    yield mean("same", (1, 7, 6, 3), 3, stride=2, padding="same", **outside)

    for op, pool, values in (
        ("adaptive_avg_pool2d", F.adaptive_avg_pool2d, normal),
        ("adaptive_max_pool2d", F.adaptive_max_pool2d, spaced),
    ):
        for what, shape, (h, w) in (
            ("one_bin", (2, 5, 7, 3), (1, 1)),
            ("2x2", (1, 5, 7, 17), (2, 2)),
            ("3x6", (2, 7, 8, 3), (3, 6)),
            ("more_bins_than_pixels", (1, 3, 4, 5), (5, 6)),
        ):
            sizes = {"out_h": h, "out_w": w}
            yield Case(op, what, adaptive(pool), {"x": values(*shape)}, sizes)
        whole = op.replace("adaptive", "global")
        yield Case(whole, "image", adaptive(pool), {"x": values(2, 5, 7, 3)})
        yield Case(whole, "one_pixel", adaptive(pool), {"x": values(2, 1, 1, 17)})
