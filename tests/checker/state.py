"""Brings a patient's facts about over HTTP, as patients, systems and staff do, and takes them back afterwards."""

import json
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from gateway import Gateway
from region import ACT, NHS, ODS
from worlds import CLAIMED_AT, PEOPLE, READERS, Facts, Objection, Terms, Tie


class Unexpected(Exception):
    """A write of the set-up was answered otherwise than it must be."""


class People:
    """The user ids of the people of one set of facts."""

    def __init__(self, turn: int):
        self.turn = turn

    def __getitem__(self, person: str) -> str:
        if person == "revoked":
            return REVOKED
        return f"55{PEOPLE.index(person)}{self.turn:09}"


REVOKED = "555021470009"


@contextmanager
def established(gateway: Gateway, number: str, facts: Facts, people: People):
    """The facts hold within the `with` block. What nobody can take back, a claim or an override, is of people met with once."""
    for tie in facts.ties:
        system = gateway.token(persona=f"system:{tie.organisation}")
        write(gateway, "POST", "Patient/$assert-relationship", system, asserted(number, tie, people.turn), 201)
        if tie.ended:
            write(gateway, "POST", "Patient/$end-relationship", system, ended(number, tie.organisation), 200)
    undo = []
    try:
        for objection in facts.objections:
            undo += object_to(gateway, number, objection, people)
        for person in facts.claims:
            body = parameters(patient=identifier(NHS, number), reason={"valueString": "In the emergency department now"})
            write(gateway, "POST", "Patient/$claim-relationship", clinician(gateway, people[person], CLAIMED_AT), body, 201)
        for person, override in facts.overrides.items():
            organisation = CLAIMED_AT if person in facts.claims else facts.practice
            said = {"reason": {"valueCode": override.reason}, "text": {"valueString": "Found unconscious"}}
            body = parameters(patient=identifier(NHS, number), **said)
            write(gateway, "POST", "Patient/$override", clinician(gateway, people[person], organisation), body, 201)
        yield
    finally:
        patient = gateway.token(persona=f"patient:{number}")
        for id, body in undo:
            write(gateway, "PUT", f"Consent/{id}", patient, body | {"status": "inactive"}, 200)
        for tie in facts.ties:
            if not tie.ended:
                system = gateway.token(persona=f"system:{tie.organisation}")
                write(gateway, "POST", "Patient/$end-relationship", system, ended(number, tie.organisation), 200)


def clinician(gateway: Gateway, user: str, organisation: str) -> str:
    return gateway.token(persona="staff", organisation=organisation, role="R0260", user=user)


def object_to(gateway: Gateway, number: str, objection: Objection, people: People) -> list[tuple[str, dict]]:
    """Records an objection and brings it to where it stands; what is to be withdrawn afterwards."""
    body = consent(number, objection, people)
    # staff take back what their own organisation recorded
    by = f"patient:{number}"
    patient = clinician(gateway, "555021470010", at) if (at := objection.withdrawn_at) else gateway.token(persona=by)
    id = json.loads(write(gateway, "POST", "Consent", patient, body, 201))["id"]
    if objection.withdrawn_at:
        evidence = {
            "status": "inactive",
            "sourceReference": {"identifier": {"system": "https://region.example/letters", "value": "1"}},
            "verification": [{"verified": True, "verificationDate": "2026-01-03"}],
        }
        staff = clinician(gateway, people["withdrawer"], objection.withdrawn_at)
        write(gateway, "PUT", f"Consent/{id}", staff, body | evidence, 200)
    if objection.reviewed:
        office = next(name for name in objection.terms.sources if name in READERS)
        for outcome in REVIEWS[objection.reviewed]:
            # whoever decided does not say that the patient was told
            user = "555021470011" if outcome == "patient-told" else "555021470010"
            officer = gateway.token(persona="staff", organisation=office, role="R0001", user=user, scope=REVIEWER)
            note = parameters(outcome={"valueCode": outcome}, note={"valueString": "Looked at"})
            write(gateway, "POST", f"Consent/{id}/$review", officer, note, 200)
    return [] if objection.reviewed == "lifted" else [(id, body)]


REVIEWER = "user/Consent.cruds"
REVIEWS = {
    "under-review": ["under-review"],
    "upheld": ["upheld"],
    "not-upheld": ["under-review", "not-upheld"],
    "lifted": ["under-review", "not-upheld", "patient-told"],
}


def write(gateway: Gateway, method: str, path: str, token: str, body: dict, status: int) -> bytes:
    answered, text = gateway.ask(method, path, token, body)
    if answered != status:
        raise Unexpected(f"{method} {path}: {answered} instead of {status}\n{json.dumps(body)}\n{text.decode()}")
    return text


def asserted(number: str, tie: Tie, turn: int) -> dict:
    """Of evidence of its own each turn: what was ended once is not begun again by the same."""
    period = {"start": moment(tie.start)} | ({"end": moment(tie.end)} if tie.end is not None else {})
    return parameters(
        patient=identifier(NHS, number),
        organization=identifier(ODS, tie.organisation),
        basis={"valueCode": tie.basis},
        period={"valuePeriod": period},
        evidence=identifier("https://region.example/event", str(turn)),
    )


def ended(number: str, organisation: str) -> dict:
    return parameters(patient=identifier(NHS, number), organization=identifier(ODS, organisation))


def parameters(**values: dict) -> dict:
    return {"resourceType": "Parameters", "parameter": [{"name": name} | value for name, value in values.items()]}


def identifier(system: str, value: str) -> dict:
    return {"valueIdentifier": {"system": system, "value": value}}


def moment(days: int) -> str:
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def consent(number: str, objection: Objection, people: People) -> dict:
    """In the shapes of fhir_profiles/StructureDefinition-objection.json."""
    provision = {"type": "deny"} | named(objection.terms, people)
    exceptions = [{"type": "permit"} | named(exception, people) for exception in objection.exceptions]
    if objection.emergency == "exception":
        exceptions.append({"type": "permit", "purpose": [BREAK_GLASS]})
    if exceptions:
        provision["provision"] = exceptions
    if objection.not_even:
        provision["purpose"] = [BREAK_GLASS]
    period = {"start": objection.start, "end": objection.end}
    if period := {name: moment(days) for name, days in period.items() if days is not None}:
        provision["period"] = period
    rule = "EMRGONLY" if objection.emergency == "rule" else "OPTOUT"
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [coding(f"{TERMINOLOGY}/consentscope", "patient-privacy")]},
        "category": [{"coding": [coding("http://loinc.org", "59284-0")]}],
        "patient": {"identifier": {"system": NHS, "value": number}},
        "dateTime": "2026-01-02T09:00:00Z",
        "policyRule": {"coding": [coding(ACT, rule)]},
        "provision": provision,
    }


TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
OURS = "https://caregate.example/CodeSystem"
USER = "https://fhir.nhs.uk/Id/sds-user-id"


def coding(system: str, code: str) -> dict:
    return {"system": system, "code": code}


BREAK_GLASS = coding(f"{TERMINOLOGY}/v3-ActReason", "BTG")


def named(terms: Terms, people: People) -> dict:
    provision = {}
    if terms.recipients:
        recipient = {"coding": [coding(f"{TERMINOLOGY}/v3-ParticipationType", "IRCP")]}
        provision["actor"] = [{"role": recipient, "reference": who(name, people)} for name in terms.recipients]
    if terms.sources:
        provision["data"] = [{"meaning": "authoredby", "reference": who(ods, people)} for ods in terms.sources]
    classes = [coding("http://hl7.org/fhir/resource-types", type) for type in terms.types]
    if classes := classes + [coding(f"{OURS}/kind-of-information", kind) for kind in terms.kinds]:
        provision["class"] = classes
    if terms.sensitivities:
        labels = [coding(f"{OURS}/sensitivity" if name.islower() else ACT, name) for name in terms.sensitivities]
        provision["securityLabel"] = labels
    if terms.data:
        provision["dataPeriod"] = {name: day for name, day in zip(("start", "end"), terms.data) if day}
    return provision


def who(name: str, people: People) -> dict:
    if name in PEOPLE:
        return {"identifier": {"system": USER, "value": people[name]}}
    return {"identifier": {"system": ODS, "value": name}}
