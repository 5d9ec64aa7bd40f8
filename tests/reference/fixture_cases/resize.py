"""Upsampling to a size, and by a factor."""

from torch.nn import functional as F

from .case import Case, nchw, nhwc


def upsample(x, out_h, out_w, mode, align_corners=None):
    return nhwc(F.interpolate(nchw(x), (out_h, out_w), mode=mode, align_corners=align_corners))


def upsample_scale(x, factor, mode, align_corners=None):
    return nhwc(F.interpolate(nchw(x), scale_factor=factor, mode=mode, align_corners=align_corners))


SIZES = {
    "up": ((2, 3, 4, 3), (7, 9)),
    "down": ((1, 9, 11, 5), (4, 3)),
    "higher_and_narrower": ((1, 5, 8, 3), (13, 3)),
    "from_one_pixel": ((2, 1, 1, 17), (3, 5)),
    "to_one_pixel": ((1, 4, 5, 3), (1, 1)),
}


def cases():
    def resized(variant, x, size, **settings):
        attributes = {"out_h": size[0], "out_w": size[1]} | settings
        return Case("upsample", variant, upsample, {"x": x}, attributes)

    for what, (x, size) in SIZES.items():
        yield resized(f"nearest_{what}", x, size, mode="nearest")
        for mode in ("bilinear", "bicubic"):
            yield resized(f"{mode}_{what}", x, size, mode=mode, align_corners=False)
            yield resized(f"{mode}_corners_aligned_{what}", x, size, mode=mode, align_corners=True)

    def scaled(variant, factor, **settings):
        attributes = {"factor": factor} | settings
        return Case("upsample_scale", variant, upsample_scale, {"x": (1, 3, 5, 3)}, attributes)

    yield scaled("nearest", 2, mode="nearest")
    yield scaled("bilinear", 4, mode="bilinear", align_corners=False)
    yield scaled("bilinear_corners_aligned", 3, mode="bilinear", align_corners=True)
    yield scaled("bicubic", 2, mode="bicubic", align_corners=False)
