"""Reads alerts as the CloudEvents SDK does: ce.py ENVELOPES.jsonl …

Each line is {"file": name of the value beside it, or "value": its text, "key": text,
"headers": [[name, value], …]}. Prints the attributes; fails where they do not repeat the body.
"""
import json
import pathlib
import sys

from cloudevents.v1.kafka import KafkaMessage, from_binary


def check(envelope, folder):
    value = envelope.get("value") or (folder / envelope["file"]).read_text(encoding="utf-8")
    headers = {name: text.encode() for name, text in envelope["headers"]}
    event = from_binary(KafkaMessage(headers=headers, key=envelope["key"], value=value))
    attributes, body = dict(event.get_attributes()), event.data
    print(json.dumps(attributes, sort_keys=True))
    assert body["message"], "the value is the data"
    expected = {
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "id": body["metadata"]["uid"],
        "subject": body["finding_info"]["uid"],
        "partitionkey": envelope["key"],
        "time": body["time_dt"],
        "ruleid": body["finding_info"]["analytic"]["uid"],
        "severitytext": body["severity"].upper(),
    }
    for name, text in expected.items():
        assert attributes.get(name) == text, f"{name} is {attributes.get(name)!r}, not {text!r}"
    assert attributes["type"].startswith("dev.tidegate.finding."), attributes["type"]
    assert attributes["source"].startswith("/tidegate/"), attributes["source"]


count = 0
for name in sys.argv[1:]:
    path = pathlib.Path(name)
    for line in path.read_text(encoding="utf-8").splitlines():
        check(json.loads(line), path.parent)
        count += 1
sys.exit(0 if count else 1)
