#!/usr/bin/env python3
"""Times the training epoch of docs/first-run.md here and in PyTorch, in turn, on this machine.

    python3 bench/compare_first_run.py --data DIR/nuclei [--rounds 5] [--json]

Each round trains one epoch (200 images of 256x256, batch 4, U-Net of width 16, AdamW, cross-entropy)
with build/release/pixelgrad, then the same steps in PyTorch: eager, NCHW and channels_last, as many
threads. PyTorch gets its images decoded and normalised in memory; pixelgrad's time includes its
loader. PyTorch's process lives through all rounds, so of ours the second of two epochs counts: in
both, memory was asked for before. Needs torch, numpy and pillow. Prints medians, minima and the
ratio ours / PyTorch's faster variant.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from PIL import Image
from torch import nn

from torch_models import UNet


def load(folder):
    images, labels = [], []
    for path in sorted((folder / "images").iterdir()):
        image = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32)
        images.append((image - image.mean()) / max(image.std(), 1e-3))
        labels.append(np.asarray(Image.open(folder / "masks" / path.name), dtype=np.int64))
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(np.stack(labels))


class Peer:
    def __init__(self, width, channels_last):
        torch.manual_seed(0)
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.net = UNet(2, width).to(memory_format=self.format)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=4e-3)

    def epoch(self, images, labels, batch):
        start = time.perf_counter()
        order = torch.randperm(len(images))
        for i in range(0, len(images), batch):
            pick = order[i:i + batch]
            x = images[pick].to(memory_format=self.format)
            loss = nn.functional.cross_entropy(self.net(x), labels[pick])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            loss.item()
        return time.perf_counter() - start


def ours(program, data, width, batch, threads):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "train", "--data", data, "--model", "unet", "--width", str(width), "--epochs", "2",
                        "--batch-size", str(batch), "--out", f"{folder}/run", "--quiet", "--threads", str(threads)],
                       check=True, stdout=subprocess.DEVNULL)
        row = pathlib.Path(folder, "run", "metrics.jsonl").read_text().splitlines()[1]
        return json.loads(row)["train_seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--program", default="build/release/pixelgrad")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    images, labels = load(args.data / "train")
    peers = {"torch-nchw": Peer(args.width, False), "torch-channels-last": Peer(args.width, True)}
    seconds = {"pixelgrad": [], **{name: [] for name in peers}}
    for _ in range(args.rounds):
        seconds["pixelgrad"].append(ours(args.program, str(args.data), args.width, args.batch_size, args.threads))
        for name, peer in peers.items():
            seconds[name].append(peer.epoch(images, labels, args.batch_size))
        print({k: round(v[-1], 2) for k, v in seconds.items()}, file=sys.stderr)

    median = {name: statistics.median(s) for name, s in seconds.items()}
    best = min(peers, key=lambda name: median[name])
    result = {
        "torch": torch.__version__, "threads": args.threads, "rounds": args.rounds,
        "median_s": median, "min_s": {name: min(s) for name, s in seconds.items()},
        "variant": best, "ratio": median["pixelgrad"] / median[best],
        "ratio_of_minima": min(seconds["pixelgrad"]) / min(seconds[best]),
    }
    if args.json:
        print(json.dumps(result))
    else:
        for name in seconds:
            print(f"{name:20} median {median[name]:6.2f} s   min {min(seconds[name]):6.2f} s")
        print(f"ratio pixelgrad / {best}: {result['ratio']:.3f} (of minima {result['ratio_of_minima']:.3f})")


if __name__ == "__main__":
    main()
