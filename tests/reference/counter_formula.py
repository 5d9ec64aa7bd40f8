"""Numbers that Python and C++ both compute, tests/models/counter_formula.h: weights, images and
labels of whole models need not be stored, and a few projections stand for a gradient."""

import numpy as np
import torch

MASK = (1 << 64) - 1


def stream_of(name):  # FNV-1a
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 & MASK
    return h


def hashes(name, count):
    """Number i of a stream: SplitMix64's finaliser of stream and i."""
    z = np.arange(count, dtype=np.uint64)
    z += np.uint64((stream_of(name) * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & MASK)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(name, count):
    """In [-1, 1), multiples of 2^-23: exact in f32."""
    return (hashes(name, count) >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1


def to_ours(t):  # OIHW -> OHWI, NCHW -> NHWC
    return t.permute(0, 2, 3, 1).contiguous() if t.dim() == 4 else t


def from_ours(t):
    return t.permute(0, 3, 1, 2).contiguous() if t.dim() == 4 else t


def tensor_of(name, shape):
    """A value for a tensor of a state dict: f64 holding f32 numbers. `shape` is PyTorch's."""
    ours = (shape[0], *shape[2:], shape[1]) if len(shape) == 4 else tuple(shape)
    u = uniform(name, int(np.prod(ours)))
    if len(ours) == 4:
        u *= np.sqrt(6.0 / (ours[1] * ours[2] * ours[3]))
    elif name.endswith("running_var"):
        u += 2
    elif name.endswith("weight"):  # strong shortcuts keep residual networks well-conditioned
        u = (2 if "downsample" in name else 0.5) + 0.25 * u
    else:
        u *= 0.125
    return from_ours(torch.from_numpy(u.astype(np.float32).astype(np.float64)).reshape(ours))


def images(batch, height, width, stream="images", channels=3):
    """Noise; each image has more contrast and is brighter than the one before, since batch norm
    over means of images, in a pyramid's pooled branch, is ill-conditioned where these are alike."""
    u = uniform(stream, batch * height * width * channels).reshape(batch, -1)
    n = np.arange(batch)[:, None]
    return from_ours(torch.from_numpy((1 + n) * u + n).reshape(batch, height, width, channels))


def labels(batch, height, width, classes):
    """Class ids, of which one in classes + 1 is 255, to be ignored."""
    ids = (hashes("labels", batch * height * width) >> np.uint64(40)).astype(np.int64) % (
        classes + 1
    )
    ids[ids == classes] = 255
    return torch.from_numpy(ids).reshape(batch, height, width)


def summary(t):
    """Four projections onto pseudo-random vectors in [-1, 1), the L2 norm and the largest absolute
    value: an error in a tensor shows in its projections with nearly its own size."""
    x = to_ours(t.detach().double()).flatten().numpy()
    bits = hashes("projections", x.size)
    sums = [
        float(
            np.dot(
                x,
                ((bits >> np.uint64(16 * j)) & np.uint64(0xFFFF)).astype(np.float64) / 32768 - 1,
            )
        )
        for j in range(4)
    ]
    return [*sums, float(np.linalg.norm(x)), float(np.abs(x).max(initial=0))]
