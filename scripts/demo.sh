#!/usr/bin/env bash
# From a fresh clone to a segmentation model: builds the program, trains a small network on generated
# street scenes, scores it on scenes it did not learn from, and labels pictures, all in runs/demo.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
scripts/setup.sh
build release pixelgrad_program

program=build/release/pixelgrad
out=runs/demo
size=(128 192)
rm -rf "$out"
"$program" train --data streets --size "${size[@]}" --count 400 --width 12 --epochs 10 --class-weights median --out "$out"
"$program" evaluate --run "$out" --best
"$program" data streets --size "${size[@]}" --train 1 --val 8 --seed 1 --out "$out/scenes"
"$program" predict --run "$out" --best --save palette,overlay --out "$out/predictions" "$out/scenes/val/images"

echo
echo "Scores and curves:      $out/report.html (as numbers: $out/metrics.csv)"
echo "Street scenes:          $out/scenes/val/images"
echo "What it makes of them:  $out/predictions"
