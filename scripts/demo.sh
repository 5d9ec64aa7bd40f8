#!/usr/bin/env bash
# From a fresh clone to a segmentation model: builds the program, trains a small network on generated
# street scenes, scores it on scenes it has not seen, and draws its predictions, all in runs/demo.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
scripts/setup.sh
build release pixelgrad_program

program=build/release/pixelgrad
out=runs/demo
rm -rf "$out"
"$program" train --data streets --out "$out"
"$program" evaluate --run "$out"
"$program" predict --run "$out" --out "$out/predictions"

echo
echo "Scores:    $out/metrics.csv"
echo "Report:    $out/report.html"
echo "Pictures:  $out/predictions"
