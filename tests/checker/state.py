"""Brings a patient's facts about over HTTP, as patients, systems and staff do, and takes them back afterwards."""

import json
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from gateway import Gateway
from region import NHS, ODS
from worlds import Facts, Objection, Terms, Tie


class Unexpected(Exception):
    """A write of the set-up was answered otherwise than it must be."""


@contextmanager
def established(gateway: Gateway, number: str, facts: Facts):
    consents = []
    for tie in facts.ties:
        system = gateway.token(persona=f"system:{tie.organisation}")
        write(gateway, "POST", "Patient/$assert-relationship", system, asserted(number, tie), 201)
        if tie.ended:
            write(gateway, "POST", "Patient/$end-relationship", system, ended(number, tie.organisation), 200)
    patient = gateway.token(persona=f"patient:{number}")
    try:
        for objection in facts.objections:
            body = consent(number, objection)
            answer = write(gateway, "POST", "Consent", patient, body, 201)
            consents.append((json.loads(answer)["id"], body))
        yield
    finally:
        for id, body in consents:
            write(gateway, "PUT", f"Consent/{id}", patient, body | {"status": "inactive"}, 200)
        for tie in facts.ties:
            if not tie.ended:
                system = gateway.token(persona=f"system:{tie.organisation}")
                write(gateway, "POST", "Patient/$end-relationship", system, ended(number, tie.organisation), 200)


def write(gateway: Gateway, method: str, path: str, token: str, body: dict, status: int) -> bytes:
    answered, text = gateway.ask(method, path, token, body)
    if answered != status:
        raise Unexpected(f"{method} {path}: {answered} instead of {status}\n{json.dumps(body)}\n{text.decode()}")
    return text


def asserted(number: str, tie: Tie) -> dict:
    period = {"start": moment(tie.start)} | ({"end": moment(tie.end)} if tie.end is not None else {})
    return parameters(
        patient=identifier(NHS, number),
        organization=identifier(ODS, tie.organisation),
        basis={"valueCode": tie.basis},
        period={"valuePeriod": period},
        evidence=identifier("https://region.example/event", "1"),
    )


def ended(number: str, organisation: str) -> dict:
    return parameters(patient=identifier(NHS, number), organization=identifier(ODS, organisation))


def parameters(**values: dict) -> dict:
    return {"resourceType": "Parameters", "parameter": [{"name": name} | value for name, value in values.items()]}


def identifier(system: str, value: str) -> dict:
    return {"valueIdentifier": {"system": system, "value": value}}


def moment(days: int) -> str:
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def consent(number: str, objection: Objection) -> dict:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [coded("http://loinc.org", "59284-0")],
        "patient": {"identifier": {"system": NHS, "value": number}},
        "dateTime": "2026-01-02T09:00:00Z",
        "policyRule": coded("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTOUT"),
        "provision": {"type": "deny"} | named(objection.terms),
    }


def named(terms: Terms) -> dict:
    provision = {}
    if terms.sources:
        sources = [{"identifier": {"system": ODS, "value": ods}} for ods in terms.sources]
        provision["data"] = [{"meaning": "authoredby", "reference": source} for source in sources]
    return provision


def coded(system: str, code: str) -> dict:
    return {"coding": [{"system": system, "code": code}]}
