#!/bin/sh
# Runs the judges of alerts over the golden records, and pySigma over the corpus of rules
# and the shipped ones, and prints one closing line.
# Needs python3 with venv; what else it needs goes into the user's cache folder, pinned by hash.
set -eu

judges=$(cd "$(dirname "$0")" && pwd)
contract=$(dirname "$judges")
schemas=$(cd "$contract/../.." && pwd)/schemas
rules=$(cd "$contract/../.." && pwd)/rules
corpus=$(cd "$contract/../data/conformance" && pwd)
pin=$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:16])' "$judges/requirements.txt")
venv=${XDG_CACHE_HOME:-$HOME/.cache}/tidegate/judges-$pin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -e "$venv/ready" ]; then
    echo "judges: setting up $venv"
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
        --requirement "$judges/requirements.txt"
    touch "$venv/ready"
fi

passed=0
failed=0
# judge NAME COMMAND…: the command must succeed.
judge() {
    name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $name"
    else
        failed=$((failed + 1))
        echo "FAIL  $name"
        sed 's/^/      /' "$work/output"
    fi
}
refused() {
    ! "$@"
}
# A schema judge that cannot read its schema refuses everything; so controls pass only beside it.
check() {
    "$venv/bin/check-jsonschema" --schemafile "$@"
}
generated() {
    "$venv/bin/python" "$judges/ocsf_schema.py" "$1" cloud,datetime | cmp - "$2"
}

mkdir "$work/bad"
"$venv/bin/python" "$judges/spoil.py" "$contract/golden/0.1.0/create.json" "$work/bad"
for version in 1.6.0 1.7.0 1.8.0; do
    schema=$contract/ocsf/detection_finding-$version.json
    judge "ocsf $version: the committed schema is the generated one" generated "$version" "$schema"
    judge "ocsf $version: golden records" check "$schema" "$contract"/golden/*/*.json
    for bad in "$work"/bad/*.json; do
        judge "ocsf $version: refuses $(basename "$bad" .json)" refused check "$schema" "$bad"
    done
done
judge "metaschema: schemas/*.schema.json" \
    "$venv/bin/check-jsonschema" --check-metaschema "$schemas"/*.schema.json
judge "uuid: ids of golden records" \
    "$venv/bin/python" "$judges/ids.py" "$contract"/golden/*/*.json
judge "cloudevents: golden envelopes" \
    "$venv/bin/python" "$judges/ce.py" "$contract"/golden/*/envelopes.jsonl
sed 's/"sequence":1,/"sequence":2,/' "$contract/golden/0.1.0/create.json" >"$work/wrong-id.json"
judge "uuid: refuses a wrong id" refused "$venv/bin/python" "$judges/ids.py" "$work/wrong-id.json"

judge "pysigma: the recorded answers for the corpus of rules" \
    "$venv/bin/python" "$judges/pysigma_accepts.py" "$corpus/rules.jsonl" "$corpus/pysigma.jsonl"
sed 's/"accepts": true/"accepts": false/' "$corpus/pysigma.jsonl" >"$work/wrong-answers.jsonl"
judge "pysigma: refuses wrong answers" refused \
    "$venv/bin/python" "$judges/pysigma_accepts.py" "$corpus/rules.jsonl" "$work/wrong-answers.jsonl"
judge "pysigma: the shipped rules" \
    "$venv/bin/python" "$judges/pysigma_accepts.py" --together "$rules"/*/*.yml
judge "pysigma: refuses a shipped rule over another that is not there" refused \
    "$venv/bin/python" "$judges/pysigma_accepts.py" --together "$rules/cloudtrail/s3_large_download.yml"

echo "judges: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
