#!/usr/bin/env python3
"""The training steps and the inference of bench_step in PyTorch, eager: one side of compare_torch.py.

Like `bench_step --turns` it prints the seconds of two warm-up steps; then, for each number of seconds
read from stdin, steps for at least that long and prints the seconds of these steps; at the end of the
input a JSON object. AdamW is the fused one, the fastest that PyTorch has on a CPU.
"""

import argparse
import json
import sys
import time

import torch

from torch_models import MODELS


def resident_bytes(key):
    """VmRSS: held now; VmHWM: held at most."""
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith(key + ":"))


class Stepper:
    def __init__(self, entry, mode, variant):
        torch.manual_seed(0)
        layout = torch.channels_last if variant == "channels_last" else torch.contiguous_format
        self.net = entry.make(entry.classes).to(memory_format=layout)
        self.net.train(mode == "train")
        self.step = self.train if mode == "train" else self.infer
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=1e-4, fused=True)
        self.images = torch.randn(entry.batch, 3, entry.size, entry.size).to(memory_format=layout)
        self.labels = torch.randint(entry.classes, (entry.batch, entry.size, entry.size))

    def train(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(self.net(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        loss.item()

    def infer(self):
        with torch.inference_mode():
            self.net(self.images)

    def timed(self):
        start = time.perf_counter()
        self.step()
        return time.perf_counter() - start


def say(what):
    print(json.dumps(what), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--mode", choices=["train", "infer"], required=True)
    parser.add_argument("--variant", choices=["nchw", "channels_last"], required=True)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    entry = MODELS[args.model]
    stepper = Stepper(entry, args.mode, args.variant)
    before = resident_bytes("VmRSS")
    say([stepper.timed() for _ in range(2)])
    for line in sys.stdin:
        seconds = []
        while not seconds or sum(seconds) < float(line):
            seconds.append(stepper.timed())
        say(seconds)
    peak = resident_bytes("VmHWM")
    say({"version": torch.__version__, "threads": torch.get_num_threads(), "batch": entry.batch, "size": entry.size,
         "classes": entry.classes, "parameters": sum(p.numel() for p in stepper.net.parameters()),
         "bytes_before": before, "bytes_peak": peak, "bytes": peak - before})


if __name__ == "__main__":
    main()
