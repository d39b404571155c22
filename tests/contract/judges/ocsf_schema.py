"""Prints the JSON Schema of OCSF's detection_finding: ocsf_schema.py VERSION PROFILE,PROFILE."""
import json
import sys

from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

version, profiles = sys.argv[1], sys.argv[2].split(",")
schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
finding = schema.get_class_schema(class_name="detection_finding", profiles=profiles)
json.dump(finding, sys.stdout, separators=(",", ":"), sort_keys=True)
