"""Recomputes every uid of alerts with Python's uuid: ids.py ALERT.json …

The finding uid comes from `metadata.correlation_uid` (rule id and pairs) and the episode's opening
time, the record uid from the finding uid, kind and sequence (recipes: the alert page of the design,
§3). A key that is longer than 512 bytes is written as a hash and cannot be recomputed.
"""
import json
import sys
import uuid

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:tidegate:v1")


def hashed(name):
    text = json.dumps(name, ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(NAMESPACE, text))


def problems(alert):
    context = alert["unmapped"]["alert_context"]
    info, metadata = alert["finding_info"], alert["metadata"]
    record = hashed(["record", info["uid"], context["kind"], metadata["sequence"]])
    if record != metadata["uid"]:
        yield f"metadata.uid is {metadata['uid']}, recomputed {record}"
    if not metadata["correlation_uid"].startswith("["):
        print("  key over 512 bytes: finding uid not recomputed")
        return
    rule_id, pairs = json.loads(metadata["correlation_uid"])
    if rule_id != info["analytic"]["uid"]:
        yield f"the correlation names rule {rule_id}"
    opened = context["episode_opened_ms"]
    # Without a de-duplication period the event's id joins the key.
    event = info.get("related_events", [{}])[-1].get("uid")
    possible = [
        hashed(["finding", rule_id, pairs, opened]),
        hashed(["finding", rule_id, pairs + [["event", event]], opened]),
    ]
    if info["uid"] not in possible:
        yield f"finding_info.uid is {info['uid']}, recomputed {' or '.join(possible)}"


failed = False
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        found = list(problems(json.load(file)))
    failed = failed or bool(found)
    print(f"{path}: {'; '.join(found) or 'ok'}")
sys.exit(1 if failed or len(sys.argv) < 2 else 0)
