#!/usr/bin/env bash
# `make test`: each step in order, then how many tests ran. Called by make, which sets the compilers.
#
# A step that fails ends the run, except that all test binaries run before their failures count. A test
# that is left out is a failure: what it needed is installed by `make setup`, or its files are in the clone.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

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

step "judges"
judged=0
tests/contract/judges/run.sh || judged=$?

step "result"
((ignored == 0)) || { echo "$ignored tests were left out"; outcome=1; }
((kafka_passed + kafka_failed > 0)) || { echo "no test ran on real Kafka"; outcome=1; }
((judged == 0)) || echo "the judges refused something"
echo "on real Kafka: $kafka_passed passed, $kafka_failed failed"
echo "all tests: $passed passed, $failed failed"
((outcome == 0 && judged == 0))
