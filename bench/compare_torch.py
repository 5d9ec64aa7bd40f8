#!/usr/bin/env python3
"""Training steps and inference here (bench_step) and in PyTorch, in turn, on this machine.

    python3 bench/compare_torch.py                          # all networks, both modes: a table
    python3 bench/compare_torch.py --models unet-w64 --modes train --rounds 9 --json
    python3 bench/compare_torch.py --out bench/results/NAME.json
    python3 bench/compare_torch.py --device cuda --precision bf16 --batch 8 --size 512 --program build/cuda/bench/bench_step

For each network and mode three processes are started one after the other and stay: bench_step, and
PyTorch eager in NCHW and in channels_last (on a GPU channels_last, eager and compiled, in tf32, or in bf16 by
autocast); each does two steps that do not count. Then they take
turns, one round after the other, while the other two sleep: a turn is as many steps as fill --turn
seconds, at least one. So all three meet the same machine, whatever else it does in those minutes.

A row compares with the faster PyTorch variant, by the medians: ratio = PyTorch's seconds / ours (above
1: we are faster), memory_ratio = our bytes / PyTorch's, each the peak resident size (on a GPU: of what is
allocated there) less what the process held before its first batch. Run it with a Python that has torch.
"""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
VARIANTS = {"cpu": ["nchw", "channels_last"], "cuda": ["eager", "compiled"]}


class Failure(Exception):
    """Something to say in one line."""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")


class Side:
    """A process that steps when it is told to."""

    def __init__(self, name, command):
        self.name = name
        self.seconds = []
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True)
        self.answer()  # the warm-up

    def answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines() or ["no message"]
        raise Failure(f"{self.name} ended with exit code {code}: {lines[-1]}")

    def turn(self, seconds):
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # answer() says why
        self.seconds += self.answer()

    def finish(self):
        """What the process knows about itself, with the statistics of its steps."""
        self.process.stdin.close()
        result = self.answer()
        self.process.wait()
        return {**result, "median_s": statistics.median(self.seconds), "min_s": min(self.seconds),
                "steps": len(self.seconds)}

    def stop(self):
        self.process.kill()
        self.process.wait()


def compare(model, mode, args):
    common = ["--model", model, "--mode", mode, "--threads", str(args.threads), "--device", args.device,
              "--precision", args.precision]
    for option in ["batch", "size"]:
        if getattr(args, option):
            common += [f"--{option}", str(getattr(args, option))]
    commands = {"ours": [args.program, *common, "--turns"]}
    for variant in VARIANTS[args.device]:
        commands[variant] = [sys.executable, str(HERE / "torch_step.py"), *common, "--variant", variant]
    sides = []
    try:
        for name, command in commands.items():
            sides.append(Side(name, command))
        for done in range(args.rounds):
            for side in sides:
                # Threads that still spin in the hope of work would take the next side's cores.
                time.sleep(0.3)
                side.turn(args.turn)
            last = ", ".join(f"{side.name} {side.seconds[-1]:.3f} s" for side in sides)
            print(f"{model} {mode} {done + 1}/{args.rounds}: {last}", file=sys.stderr)
        return row(f"{model}-{mode}", {side.name: side.finish() for side in sides}, VARIANTS[args.device])
    finally:
        for side in sides:
            side.stop()


def row(name, results, variants):
    ours = results["ours"]
    for variant in variants:
        for key in ["batch", "size", "classes", "parameters", "threads"]:
            if ours[key] != results[variant][key]:
                raise Failure(f"{name}: {key} is {ours[key]} here and {results[variant][key]} in PyTorch")
    variant = min(variants, key=lambda v: results[v]["median_s"])
    torch = results[variant]
    details = ["median_s", "min_s", "steps", "bytes", "bytes_before", "bytes_peak"]
    return {
        "name": name,
        "ours_s": ours["median_s"],
        "torch_s": torch["median_s"],
        "variant": variant,
        "ratio": torch["median_s"] / ours["median_s"],
        "ratio_of_minima": torch["min_s"] / ours["min_s"],
        "memory_ratio": ours["bytes"] / torch["bytes"],
        **{key: ours[key] for key in ["batch", "size", "classes", "parameters", "flops", "peak", "peak_gflops",
                                      "share_of_peak", "discard"]},
        "details": {side: {key: result[key] for key in details} for side, result in results.items()},
        "versions": {"pixelgrad": ours["version"], "torch": torch["version"]},
        "device": ours["device"],
    }


def print_table(result):
    versions = result["versions"]
    print(f"{result['device']}, {result['precision']}, {result['rounds']} rounds; "
          f"{versions['pixelgrad']}; PyTorch {versions['torch']}")
    print(f"{'':24} {'ours s':>9} {'of peak':>8} {'PyTorch s':>10} {'':14} {'ratio':>6} {'of minima':>10} {'memory':>7}")
    for r in result["rows"]:
        print(f"{r['name']:24} {r['ours_s']:9.4f} {100 * r['share_of_peak']:6.1f} % {r['torch_s']:10.4f} "
              f"{r['variant']:14} {r['ratio']:6.2f} {r['ratio_of_minima']:10.2f} {r['memory_ratio']:7.2f}")


def positive(kind):
    def parse(text):
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value
    parse.__name__ = kind.__name__  # for the message where it is no number
    return parse


def parse_arguments():
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    try:
        from torch_models import MODELS
    except ImportError as error:
        MODELS = None
        missing = error
    parser.add_argument("--models", nargs="+", metavar="MODEL", default=list(MODELS or []),
                        help=f"default: all, {' '.join(MODELS or ['(needs torch)'])}")
    parser.add_argument("--modes", nargs="+", choices=["train", "infer"], default=["train", "infer"])
    parser.add_argument("--rounds", type=positive(int), default=5)
    parser.add_argument("--turn", type=positive(float), default=1, help="seconds of a turn (default 1)")
    parser.add_argument("--threads", type=positive(int), default=2)
    parser.add_argument("--device", choices=list(VARIANTS), default="cpu")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32", help="on cuda (default f32)")
    parser.add_argument("--batch", type=positive(int), help="images a step (default: the network's)")
    parser.add_argument("--size", type=positive(int), help="height and width of the images (default: the network's)")
    parser.add_argument("--program", default="build/release/bench/bench_step")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", help="write the JSON object to a file, too")
    args = parser.parse_args()
    if args.device == "cpu" and args.precision != "f32":
        parser.error(f"--precision {args.precision} needs --device cuda")
    if MODELS is None:
        raise Failure(f"this Python has no PyTorch: {missing}")
    for model in args.models:
        if model not in MODELS:
            parser.error(f"--models: '{model}', expected some of {', '.join(MODELS)}")
    if not os.access(args.program, os.X_OK):
        raise Failure(f"--program {args.program} is not there; build it: cmake --build --preset release")
    if args.out and not args.out.parent.is_dir():
        raise Failure(f"--out {args.out}: there is no folder {args.out.parent}")
    return args


def main():
    args = parse_arguments()
    rows = [compare(model, mode, args) for model in args.models for mode in args.modes]
    # What holds for all rows stands once.
    shared = [(r.pop("versions"), r.pop("device")) for r in rows][0]
    result = {
        "program": "compare_torch",
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "device": shared[1],
        "precision": args.precision,
        "threads": args.threads,
        "rounds": args.rounds,
        "versions": {**shared[0], "python": sys.version.split()[0]},
        "peak": rows[0]["peak"],
        "peak_gflops": max(r["peak_gflops"] for r in rows),
        "discard": any(r["discard"] for r in rows),
        "rows": rows,
    }
    if args.out:
        args.out.write_text(json.dumps(result, indent=1) + "\n")
    if args.json:
        print(json.dumps(result))
    else:
        print_table(result)
    if result["discard"]:
        raise Failure("a step was faster than the peak, which was taken while the machine was disturbed: "
                      "discard this run")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"compare_torch.py: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
