"""What the scripts here are told, by the environment, and how each ends: with a line of JSON that the test reads."""

import json
import os
import sys
import urllib.parse
import urllib.request

GATEWAY = os.environ["GATEWAY"]
NHS = "https://fhir.nhs.uk/Id/nhs-number"
PATIENT, STRANGER = os.environ["PATIENT"], os.environ["STRANGER"]


def token():
    """Signs in: the sandbox's identity provider gives a persona's bearer token."""
    form = urllib.parse.urlencode({"grant_type": "persona", "persona": os.environ["PERSONA"]}).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(os.environ["IDENTITY"] + "/token", form) as answer:
        return json.load(answer)["access_token"]


def done(**found):
    json.dump(found, sys.stdout)
