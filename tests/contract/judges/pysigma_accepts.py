"""Compares what pySigma says of the corpus with what is recorded: pysigma_accepts.py RULES RECORDED.

One line for each rule: whether pySigma takes the file, conditions parsed and references resolved.
With `--record` it prints the lines instead. A rule is taken when nothing raises. With `--together` the
arguments are rule files that refer to each other, and all of them must be taken.
"""
import json
import sys

from sigma.collection import SigmaCollection
from sigma.rule import SigmaRule


def accepts(text):
    try:
        collection = SigmaCollection.from_yaml(text)
        for rule in collection.rules:
            if isinstance(rule, SigmaRule):
                for condition in rule.detection.parsed_condition:
                    condition.parsed
    except Exception as error:  # noqa: BLE001 - whatever it raises is a refusal
        return False, f"{type(error).__name__}: {error}".split("\n")[0][:160]
    return True, None


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if sys.argv[1] == "--together":
    texts = []
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    taken, error = accepts("\n---\n".join(texts))
    print(error or f"{len(texts)} files")
    sys.exit(0 if taken and texts else 1)

record = "--record" in sys.argv
paths = [argument for argument in sys.argv[1:] if argument != "--record"]
known = {} if record else {line["name"]: line["accepts"] for line in lines(paths[1])}
differing = []
for rule in lines(paths[0]):
    taken, error = accepts(rule["text"])
    if record:
        line = {"name": rule["name"], "accepts": taken}
        print(json.dumps(line | ({"error": error} if error else {})))
    elif known.get(rule["name"]) != taken:
        differing.append(f"{rule['name']}: recorded {known.get(rule['name'])}, says {taken} {error}")
print("\n".join(differing), end="")
sys.exit(1 if differing else 0)
