#!/usr/bin/env bash
# Reads the machine code of the tensor-core kernels: machine_code.sh CUOBJDUMP OBJECT...
# Prints a table and fails where a kernel has no matrix instructions (HMMA), no asynchronous copies to
# shared memory (LDGSTS), or keeps values in local memory, for want of registers. Of single bf16 values
# there are no asynchronous copies. Code for GPUs without these instructions, before compute capability
# 8.0, is passed over.
set -euo pipefail
cuobjdump=$1
shift

# One line a kernel: architecture, name, registers, bytes of stack, bytes of static shared memory,
# and how often it has HMMA, LDGSTS and local loads or stores.
kernels() {
  {
    "$cuobjdump" --dump-resource-usage "$1"
    "$cuobjdump" --dump-sass "$1"
  } | awk '
    function field(name) { return match($0, name ":[0-9]+") ? substr($0, RSTART + length(name) + 1, RLENGTH - length(name) - 1) : 0 }
    $1 == "arch" { arch = substr($3, 4) + 0 }
    $1 == "code" && $2 == "for" { arch = substr($3, 4) + 0 }
    $1 == "Function" && $2 != ":" { sub(":$", "", $2); name = $2 }
    $1 == "Function" && $2 == ":" { name = $3; code[arch " " name] = 1 }
    /REG:/ { registers[arch " " name] = field("REG"); stack[arch " " name] = field("STACK"); shared[arch " " name] = field("SHARED") }
    / HMMA[. ]/ { hmma[arch " " name]++ }
    / LDGSTS[. ]/ { copies[arch " " name]++ }
    / (STL|LDL)[. ]/ { spills[arch " " name]++ }
    END {
      for (k in code)
        if (k ~ /TensorCoreTile/)
          print k, registers[k], stack[k], shared[k], hmma[k] + 0, copies[k] + 0, spills[k] + 0
    }' | sort
}

checked=0 failed=0
printf '%4s %4s %6s %6s %5s %7s  %s\n' arch regs stack shared HMMA LDGSTS kernel
for object; do
  while read -r arch name registers stack shared hmma copies spills; do
    [[ $arch -ge 80 ]] || continue
    checked=$((checked + 1))
    short=$(c++filt "$name" | sed -E 's/^void //; s/\((int|bool|pixelgrad::kernels::Precision)\)//g; s/\(.*//; s/pixelgrad::(cuda::)?//g')
    printf '%4s %4s %6s %6s %5s %7s  %s\n' "$arch" "$registers" "$stack" "$shared" "$hmma" "$copies" "$short"
    if [[ $name =~ 4bf16E(Li[0-9]+E){4}EELi1E ]]; then copies=none; fi
    if [[ $hmma -eq 0 || $copies == 0 || $stack -ne 0 || $spills -ne 0 ]]; then
      echo "  expected HMMA and LDGSTS, no stack and no local memory; got $hmma, $copies, $stack bytes and $spills accesses" >&2
      failed=$((failed + 1))
    fi
  done < <(kernels "$object")
done
if [[ $checked -eq 0 ]]; then
  echo "machine_code.sh: no tensor-core kernel in $* for compute capability 8.0 or above" >&2
  exit 1
fi
echo "$checked kernels, $failed of them not as expected"
[[ $failed -eq 0 ]]
