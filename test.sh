#!/usr/bin/env bash
# Everything that is tested, on every tier (docs/TESTING.md). Installs and builds what it needs.
# The last line is `N passed, N failed, N skipped`; the exit code is 0 only if nothing failed.
#
#   SMELT_SHARED   folder of real programs: corpus, cases, zoo; default ../shared, if there
#   SMELT_CORPUS   another folder than its corpus
#   FUZZ_SECONDS   for each fuzzer, default 15
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

passed=0 failed=0 skipped=0
results=build/test-results
failures=()
finish() {
  for failure in "${failures[@]}"; do echo "FAILED: $failure"; done
  echo "test.sh took $((SECONDS / 60)) min $((SECONDS % 60)) s"
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] && exit 0 || exit 1
}
begin() { printf '== %s\n' "$1"; }
fail() { failures+=("$1"); failed=$((failed + 1)); }
# check <what> <command...>: one pass or one failure.
check() {
  local what=$1
  shift
  begin "$what"
  if "$@"; then passed=$((passed + 1)); else fail "$what"; fi
}
# add <passed> <failed> <skipped> <what>
add() {
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
  [ "$2" -eq 0 ] || failures+=("$4: $2")
}

# ---- build ----------------------------------------------------------------------------------------
# Without binaries there is nothing to test; with stale ones the result would be about something else.
begin "setup"
tools/dev/setup all || { fail "setup"; finish; }
rm -rf "$results"
mkdir -p "$results"
for preset in native arm64 native-asan; do
  begin "build $preset"
  tools/dev/build "$preset" || { fail "build $preset"; finish; }
done
begin "build native-tsan, the thread pool's tests and the tool"
TARGETS="test_platform smelt" tools/dev/build native-tsan || { fail "build native-tsan"; finish; }

# ---- the tree ---------------------------------------------------------------------------------------
check "layers" tools/dev/check_layers
check "objects" tools/dev/check_objects build/native build/arm64

# ---- unit tests, on all tiers --------------------------------------------------------------------------
begin "tests on all tiers"
tools/dev/run_tiers --jobs 2 --results "$results" --totals "$results/totals"
if read -r p f s 2>/dev/null <"$results/totals"; then add "$p" "$f" "$s" "tests"; else fail "run_tiers"; fi

# ---- programs -------------------------------------------------------------------------------------------
# Folders of real programs with recorded outputs, where they are present: the corpus, cases made after fault
# reports, models of other architectures.
shared=${SMELT_SHARED:-../shared}
corpus=${SMELT_CORPUS:-$shared/corpus}/manifest.json
cases=$shared/cases/manifest.json
sequences=$shared/cases/sequences.json
zoo=$shared/zoo/manifest.json
# programs_run <tier> <manifest> <options of smelt check> <command...>
programs_run() {
  local tier=$1 manifest=$2 options=$3 name line code log
  shift 3
  name=$(basename "$(dirname "$manifest")")/$(basename "$manifest" .json)
  [ -f "$manifest" ] || { echo "$name on $tier: not run, there is no $manifest"; return; }
  begin "$name on $tier"
  log=$results/programs-${name//\//-}-$tier.log
  # shellcheck disable=SC2086  # options are words
  timeout 1500 "$@" check "$manifest" --jobs "$(nproc)" $options >"$log" 2>&1
  code=$?
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    grep -E '^FAIL|skipped by' "$log" | head -n 60
    echo "$line"
    add "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}" "$name on $tier"
    # An exit code that contradicts the counts is itself a failure.
    [ "$code" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] || fail "$name on $tier: exit code $code"
  else
    tail -n 20 "$log"
    fail "$name on $tier: smelt check ended with $code and without a count"
  fi
}
# This machine, then each of its tiers alone.
native=build/native/bin/smelt arm64=build/arm64/bin/smelt
for isa in '' $($native cpu | sed -n 's/^this machine: //p'); do
  for manifest in "$corpus" "$cases" "$sequences" "$zoo"; do
    programs_run "${isa:-native}" "$manifest" '' env ${isa:+SMELT_ISA=$isa} $native
  done
done
qemu=build/emulators/11.1
for manifest in "$corpus" "$cases" "$sequences" "$zoo"; do
  programs_run sme2-512 "$manifest" '' $qemu/qemu-aarch64 -cpu max,sve=off,sme_fa64=off,sme512=on $arm64
  programs_run arm-max "$manifest" '' $qemu/qemu-aarch64 -cpu max,sme=off,sve=off $arm64
  programs_run cortex-a57 "$manifest" '' $qemu/qemu-aarch64 -cpu cortex-a57 $arm64
  # The emulator's VCVTPH2PS takes denormal halves for zeros while floats' are; processors' does not.
  programs_run haswell "$manifest" '--exclude windowed_vit.*fp16' $qemu/qemu-x86_64 -cpu Haswell-noTSX $native
done
# Sanitized: memory and undefined behaviour, then two threads under the thread sanitizer.
for manifest in "$cases" "$sequences" "$zoo"; do
  programs_run asan "$manifest" '' build/native-asan/bin/smelt
  programs_run tsan "$manifest" '--threads 2' build/native-tsan/bin/smelt
done
# Damaged files: refused as bad files (exit code 3) or, where the damage means nothing, run; soon in any case.
for program in "$shared"/cases/hostile/*.pte; do
  [ -f "$program" ] || continue
  begin "hostile/$(basename "$program")"
  timeout 10 $native run "$program" >"$results/hostile.log" 2>&1
  code=$?
  tail -n 1 "$results/hostile.log"
  if [ "$code" -eq 3 ] || [ "$code" -eq 0 ]; then passed=$((passed + 1)); else fail "$program: exit code $code"; fi
done

# ---- fuzzers ----------------------------------------------------------------------------------------------
# Every input of the tree's corpus once, then a short search from there. New inputs stay under build/.
for fuzzer in build/native-asan/bin/fuzz_*; do
  [ -x "$fuzzer" ] || continue
  name=$(basename "$fuzzer")
  seeds=test/fuzz/corpus/${name#fuzz_}
  mkdir -p "$results/$name"
  [ -d "$seeds" ] || seeds=
  begin "$name"
  # shellcheck disable=SC2086  # no seeds, no argument
  if "$fuzzer" -max_total_time="${FUZZ_SECONDS:-15}" -rss_limit_mb=2048 -timeout=10 \
    -artifact_prefix="$results/$name-" "$results/$name" $seeds >"$results/$name.log" 2>&1; then
    tail -n 1 "$results/$name.log"
    passed=$((passed + 1))
  else
    tail -n 25 "$results/$name.log"
    fail "$name"
  fi
done

finish
