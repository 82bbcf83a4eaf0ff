"""fhirclient, SMART's own client in Python: typed models, strict about what they are made of."""

from fhirclient import client
from fhirclient.models.observation import Observation
from fhirclient.models.operationoutcome import OperationOutcome
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRPermissionDeniedException
from sandbox import GATEWAY, NHS, PATIENT, STRANGER, done, token

smart = client.FHIRClient(settings={"app_id": "tests", "api_base": GATEWAY})
# a token from elsewhere: the sandbox has no pages to sign in on
smart.server.session.headers["Authorization"] = f"Bearer {token()}"
smart.server.session.trust_env = False

found = Patient.where({"identifier": f"{NHS}|{PATIENT}"}).perform_resources(smart.server)
[patient] = [resource for resource in found if isinstance(resource, Patient)]
# each page is made a Bundle of typed resources; the outcome entry is among them
pages = Observation.where({"patient": patient.id, "_count": "5"}).perform_iter(smart.server)
entries = [entry for page in pages for entry in page.entry or []]
assert any(isinstance(entry.resource, OperationOutcome) for entry in entries)
ids = [entry.resource.id for entry in entries if entry.search.mode == "match"]
read = Observation.read(ids[0], smart.server)
try:
    Observation.where({"patient.identifier": f"{NHS}|{STRANGER}"}).perform(smart.server)
    refusal = None
except FHIRPermissionDeniedException as error:
    refusal = error.response.json()
    OperationOutcome(refusal)

done(patient=patient.id, ids=ids, read=read.as_json(), refusal=refusal)
