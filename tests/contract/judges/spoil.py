"""Writes eleven defective copies of an alert that every judge must refuse: spoil.py ALERT FOLDER"""
import copy
import json
import pathlib
import sys

DEFECTS = {
    "no-finding-uid": lambda a: a["finding_info"].pop("uid"),
    "no-cloud": lambda a: a.pop("cloud"),
    "severity-7": lambda a: a.update(severity_id=7),
    "time-as-text": lambda a: a.update(time=a["time_dt"]),
    "fractional-count": lambda a: a.update(count=1.5),
    "unknown-attribute": lambda a: a.update(surprise=1),
    "wrong-class": lambda a: a.update(class_uid=2001),
    "evidence-without-content": lambda a: a.update(evidences=[{"name": "window"}]),
    "attacks-at-the-top": lambda a: a.update(attacks=a["finding_info"]["attacks"]),
    "actor-at-the-top": lambda a: a.update(actor=a["evidences"][0]["actor"]),
    "malformed-address": lambda a: a["evidences"][0]["src_endpoint"].update(ip="2.2.2"),
}

alert = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
folder = pathlib.Path(sys.argv[2])
for name, spoil in DEFECTS.items():
    bad = copy.deepcopy(alert)
    spoil(bad)
    (folder / f"{name}.json").write_text(json.dumps(bad), encoding="utf-8")
