"""fhirpy, as its README uses it."""

import json

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import ForbiddenError
from sandbox import GATEWAY, NHS, PATIENT, STRANGER, done, token

client = SyncFHIRClient(GATEWAY, authorization=f"Bearer {token()}")

patient = client.resources("Patient").search(identifier=f"{NHS}|{PATIENT}").get()
# fetch_all follows `next` until there is none
observations = client.resources("Observation").search(patient=patient.id).limit(5).fetch_all()
read = client.reference("Observation", observations[0].id).to_resource()
try:
    client.resources("Observation").search(**{"patient.identifier": f"{NHS}|{STRANGER}"}).fetch()
    refusal = None
except ForbiddenError as error:
    refusal = json.loads(str(error))

done(
    patient=patient.id,
    ids=[one.id for one in observations],
    read=read.serialize(),
    refusal=refusal,
)
