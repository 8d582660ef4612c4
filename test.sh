#!/usr/bin/env bash
# Everything that is tested, on every tier (docs/TESTING.md). Installs and builds what it needs.
# The last line is `N passed, N failed, N skipped`; the exit code is 0 only if nothing failed.
#
#   SMELT_CORPUS   folder with a manifest.json of programs; default ../shared/corpus, if there
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
begin "build native-tsan, the thread pool's tests"
TARGETS=test_platform tools/dev/build native-tsan || { fail "build native-tsan"; finish; }

# ---- the tree ---------------------------------------------------------------------------------------
check "layers" tools/dev/check_layers
check "objects" tools/dev/check_objects build/native build/arm64

# ---- unit tests, on all tiers --------------------------------------------------------------------------
begin "tests on all tiers"
tools/dev/run_tiers --jobs 2 --results "$results" --totals "$results/totals"
if read -r p f s 2>/dev/null <"$results/totals"; then add "$p" "$f" "$s" "tests"; else fail "run_tiers"; fi

# ---- programs -------------------------------------------------------------------------------------------
corpus=${SMELT_CORPUS:-../shared/corpus}
# corpus_run <tier> <filters of smelt check> <command...>. What the filters leave out is printed, but is
# no skipped test if the native run, which has no filter, had it.
corpus_run() {
  local tier=$1 filters=$2 log=$results/corpus-$1.log line code
  shift 2
  begin "corpus on $tier${filters:+, only $filters}"
  # shellcheck disable=SC2086  # filters are words
  timeout 1500 "$@" check "$corpus/manifest.json" --jobs "$(nproc)" $filters >"$log" 2>&1
  code=$?
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    grep -E '^FAIL|skipped by' "$log" | head -n 60
    echo "$line"
    add "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "$([ "$filters" ] && echo 0 || echo "${BASH_REMATCH[3]}")" \
      "corpus on $tier"
    # An exit code that contradicts the counts is itself a failure.
    [ "$code" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] || fail "corpus on $tier: exit code $code"
  else
    tail -n 20 "$log"
    fail "corpus on $tier: smelt check ended with $code and without a count"
  fi
}
if [ -f "$corpus/manifest.json" ]; then
  arm=build/arm64/bin/smelt
  qemu=build/emulators/11.1
  corpus_run native '' build/native/bin/smelt
  # Emulation is some hundred times slower: all small programs where the matrix unit is, elsewhere a few.
  corpus_run sme2-512 '--max-bytes 500000' $qemu/qemu-aarch64 -cpu max,sve=off,sme_fa64=off,sme512=on $arm
  corpus_run arm-max '--group learning_path' $qemu/qemu-aarch64 -cpu max,sme=off,sve=off $arm
  corpus_run cortex-a57 '--group learning_path' $qemu/qemu-aarch64 -cpu cortex-a57 $arm
  corpus_run haswell '--group learning_path' $qemu/qemu-x86_64 -cpu Haswell-noTSX build/native/bin/smelt
else
  echo "corpus: not run, there is no $corpus/manifest.json (SMELT_CORPUS names another folder)"
fi

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
