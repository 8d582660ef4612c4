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
TARGETS="smelt hello" tools/dev/build native

smelt=build/native/bin/smelt
samples=build/samples
mkdir -p "$samples"
begin "make programs"
$smelt make linear --variant pf32 --m 1 --n 256 --k 256 --seed 1 --force -o $samples/linear_pf32.pte
$smelt make linear --variant qp8_f32_qb4w --m 1 --n 256 --k 256 --seed 1 --force -o $samples/linear_qb4w.pte
$smelt make conv2d --variant pqs8_qc8w --seed 1 --force -o $samples/conv2d_pqs8.pte
begin "run one"
$smelt run $samples/linear_pf32.pte
begin "the same from C++ (examples/hello.cc)"
build/native/bin/hello $samples/linear_pf32.pte
begin "look into another"
$smelt info $samples/conv2d_pqs8.pte
begin "measure a third"
$smelt bench $samples/linear_qb4w.pte --threads 1
echo "== done; the command line is $smelt, the programs are in $samples"
