#!/usr/bin/env bash
# From a fresh machine to a program that runs: installs what is missing, builds, makes a sample
# program with the CLI, runs it. Quick when repeated.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

step=
trap '[ $? -eq 0 ] || echo "run.sh: FAILED: $step" >&2' EXIT
begin() { step=$1; echo "== $step"; }

begin "setup"
tools/dev/setup native
begin "build"
tools/dev/build native

smelt=build/native/bin/smelt
mkdir -p build/samples
begin "make a program"
$smelt make linear --variant pf32 --m 1 --n 256 --k 256 --seed 1 -o build/samples/linear_pf32.pte
begin "run it"
$smelt run build/samples/linear_pf32.pte
begin "this machine"
$smelt info
echo "== done; the command line is $smelt"
