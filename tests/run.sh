#!/usr/bin/env bash
# `make test`: each step in order, then how many tests ran. Called by make, which sets the compilers.
#
# Wrong format or a lint ends the run at once; tests and judges all run before their failures count. A
# test that is left out is a failure: what it needed is installed by `make setup`, its files are here.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
log=$(mktemp)
said=$(mktemp)
trap 'rm -f "$log" "$said"' EXIT
judges_passed=0 judges_failed=0

step() { printf '\n== %s\n' "$*"; }

# Adds up cargo's result lines as "passed failed ignored": of one test binary, or of all for "".
results() {
  awk -v only="$1" '
    /^ +(Running|Doc-tests) / { binary = $0 }
    /^test result: / && index(binary, only) {
      for (i = 1; i < NF; i++) {
        if ($(i + 1) ~ /^passed/) passed += $i
        if ($(i + 1) ~ /^failed/) failed += $i
        if ($(i + 1) ~ /^ignored/) ignored += $i
      }
    }
    END { print passed + 0, failed + 0, ignored + 0 }' "$log"
}

step "format"
"$cargo" fmt --check

step "lints"
"$cargo" clippy --release --locked --all-targets -- -D warnings

step "tests"
outcome=0
CARGO_TERM_COLOR=never "$cargo" test --release --locked --no-fail-fast 2>&1 | tee "$log" || outcome=$?
read -r passed failed ignored < <(results "")
read -r kafka_passed kafka_failed _ < <(results "tests/kafka/")

# Each prints what it looked at and ends with "N passed, N failed".
step "judges"
for judges in tests/contract/judges/run.sh tests/deploy/judges.sh; do
  "$judges" 2>&1 | tee "$said" || outcome=$?
  read -r more_passed more_failed < <(
    sed -n 's/.*\b\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed.*/\1 \2/p' "$said" | tail -n 1 | grep . || echo 0 1
  )
  judges_passed=$((judges_passed + more_passed))
  judges_failed=$((judges_failed + more_failed))
done

step "result"
((ignored == 0)) || { echo "$ignored tests were left out"; outcome=1; }
((kafka_passed + kafka_failed > 0)) || { echo "no test ran on real Kafka"; outcome=1; }
((failed + judges_failed == 0)) || outcome=1
echo "on real Kafka: $kafka_passed passed, $kafka_failed failed"
echo "judges: $judges_passed passed, $judges_failed failed"
echo "all tests: $((passed + judges_passed)) passed, $((failed + judges_failed)) failed"
((outcome == 0))
