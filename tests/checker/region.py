"""A made-up region in which every released entry betrays itself: each holds a canary of its own.

Every holder has, of every patient, the same shelf: one entry for each combination of type, labels, code and date that
the rules tell apart. So what was shown is read off the canaries in an answer.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

NHS = "https://fhir.nhs.uk/Id/nhs-number"
ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
SNOMED = "http://snomed.info/sct"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"

# slug, ODS code, kind, whether it holds a shelf of every patient
ORGANISATIONS = [
    ("millstream", "F99101", "gp-practice", True),
    ("oxbow", "F99102", "gp-practice", False),
    ("causeway", "RZ911", "acute-trust", True),
    ("fenside", "RZ912", "mental-health-trust", True),
    ("almoner", "LA911", "social-care", True),
    ("samaritan", "VL911", "voluntary-sector", True),
    ("darkwater", "RZ913", "acute-trust", True),
    ("siren", "RZ914", "ambulance-trust", False),
    ("mortar", "FZ911", "pharmacy", False),
    ("board", "IC911", "icb", False),
    ("constable", "PO911", "police", False),
    ("schoolhouse", "ED911", "education", False),
]
KIND = {ods: kind for _, ods, kind, _ in ORGANISATIONS}
HOLDERS = [ods for _, ods, _, holds in ORGANISATIONS if holds]
PRACTICES = ["F99101", "F99102"]
UNREGISTERED = "ZZ911"


@dataclass(frozen=True)
class Entry:
    """One entry of a shelf. `via` are the entries of the same shelf that it refers to."""

    name: str
    type: str
    labels: tuple[str, ...] = ()
    confidentiality: str = ""
    code: str = ""
    date: str = "2024-05-06"
    via: tuple[str, ...] = ()


def shelf() -> list[Entry]:
    e = Entry
    return [
        e("p", "Patient", date=""),
        e("e1", "Encounter"),
        e("e2", "Encounter", labels=("MH",)),
        e("o1", "Observation"),
        e("o2", "Observation", date="2014-02-03"),
        e("o3", "Observation", date=""),
        e("o4", "Observation", confidentiality="R"),
        e("o5", "Observation", confidentiality="V", date="2014-02-03"),
        e("o6", "Observation", labels=("MH",)),
        e("o7", "Observation", labels=("GDIS",)),
        e("o8", "Observation", via=("e2",)),
        e("c1", "Condition"),
        e("c2", "Condition", code="86406008"),
        e("c3", "Condition", code="57797005"),
        e("c4", "Condition", code="52637005"),
        e("c5", "Condition", code="407376001"),
        e("c6", "Condition", labels=("SDV",)),
        e("c7", "Condition", labels=("HIV", "SDV"), confidentiality="R"),
        e("r1", "DiagnosticReport"),
        e("r2", "DiagnosticReport", via=("o6",)),
        e("r3", "DiagnosticReport", labels=("STD",)),
        e("m1", "MedicationRequest"),
        e("m2", "MedicationRequest", labels=("SUD",)),
        e("m3", "MedicationRequest", confidentiality="R"),
        e("a1", "AllergyIntolerance"),
        e("a2", "AllergyIntolerance", date="2014-02-03"),
        e("n1", "CarePlan"),
        e("n2", "CarePlan", labels=("VIO",), confidentiality="R"),
        e("f1", "Flag"),
        e("f2", "Flag", labels=("SDV",), date=""),
        e("d1", "DocumentReference"),
        e("d2", "DocumentReference", labels=("PSY",)),
    ]


SHELF = {entry.name: entry for entry in shelf()}
TYPES = sorted({entry.type for entry in SHELF.values()})


def numbers(count: int) -> list[str]:
    """NHS numbers of the range 999, which is never issued."""
    found, nine = [], 999_300_000
    while len(found) < count:
        nine += 1
        check = 11 - sum(int(digit) * weight for digit, weight in zip(str(nine), range(10, 1, -1))) % 11
        if check != 10:
            found.append(f"{nine}{check % 11}")
    return found


def practice_of(index: int) -> str | None:
    """Whose list the `index`th patient is on: each practice's in turn, and nobody's."""
    return [*PRACTICES, None][index % 3]


# What an organisation itself says of care under way, by patient: it is asked where nothing stored relates them.
LIVE = [(), ("RZ912",), ("LA911",), ("VL911",)]


def live_of(index: int) -> int:
    return index // 3 % len(LIVE)


def care(index: int, ods: str) -> dict | None:
    """What says so, or looks as if it did; without a canary, as these are no entries of the shelf."""
    day = lambda days: (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
    patient = {"reference": f"Patient/{index}-p"}
    booked = {"status": "booked", "participant": [{"actor": patient, "status": "accepted"}]}
    met = {"class": {"system": ACT, "code": "AMB"}, "subject": patient}
    body = {
        (1, "RZ912"): {"resourceType": "Encounter", "status": "in-progress", "period": {"start": day(-2)}} | met,
        (2, "LA911"): {"resourceType": "EpisodeOfCare", "status": "active", "patient": patient, "period": {"start": day(-9)}},
        (3, "VL911"): {"resourceType": "Appointment", "start": day(3), "end": day(3)} | booked,
        # not yet, no longer, and too far ahead
        (3, "RZ912"): {"resourceType": "Encounter", "status": "planned", "period": {"start": day(-2)}} | met,
        (1, "LA911"): {"resourceType": "EpisodeOfCare", "status": "finished", "patient": patient, "period": {"start": day(-9)}},
        (2, "VL911"): {"resourceType": "Appointment", "start": day(40), "end": day(40)} | booked,
    }.get((live_of(index), ods))
    return body and body | {"id": f"{index}-care"}


def canary(ods: str, index: int, name: str) -> str:
    return f"canary.{ods}.{index}.{name}"


def write(folder: Path, patients: int):
    """The region as a folder that `caregate sandbox --data` reads."""
    everyone = numbers(patients)
    knows = {ods: holds for _, ods, _, holds in ORGANISATIONS}
    providers, people = [], []
    for slug, ods, kind, _ in ORGANISATIONS:
        providers.append({"slug": slug, "odsCode": ods, "name": f"{slug.title()} (synthetic)", "kind": kind})
        lines: dict[str, list[str]] = {}
        for index, number in enumerate(everyone):
            if knows[ods] or practice_of(index) == ods:
                entries = SHELF.values() if knows[ods] else [SHELF["p"]]
                for entry in entries:
                    lines.setdefault(entry.type, []).append(json.dumps(resource(entry, ods, index, number), separators=(",", ":")))
            if body := care(index, ods):
                lines.setdefault(body["resourceType"], []).append(json.dumps(body, separators=(",", ":")))
        home = folder / slug
        home.mkdir(parents=True)
        for kind, written in lines.items():
            (home / f"{kind}.ndjson").write_text("\n".join(written) + "\n")
    slugs = {ods: slug for slug, ods, _, _ in ORGANISATIONS}
    for index, number in enumerate(everyone):
        practice = practice_of(index) or PRACTICES[1]
        held = [slugs[ods] for ods in HOLDERS]
        name = f"Patient {index} (synthetic)"
        people.append(
            {"nhsNumber": number, "name": name, "birthDate": "1970-01-02", "gpPractice": practice, "heldBy": held}
        )
    (folder / "region.json").write_text(json.dumps({"providers": providers, "patients": people}))


def resource(entry: Entry, ods: str, index: int, number: str) -> dict:
    def reference(name: str) -> dict:
        return {"reference": f"{SHELF[name].type}/{index}-{name}"}

    security = [{"system": ACT, "code": label} for label in entry.labels]
    if entry.confidentiality:
        security.append({"system": CONFIDENTIALITY, "code": entry.confidentiality})
    body = {
        "resourceType": entry.type,
        "id": f"{index}-{entry.name}",
        "identifier": [{"system": "https://region.example/canary", "value": canary(ods, index, entry.name)}],
    }
    if security:
        body["meta"] = {"security": security}
    if entry.type == "Patient":
        body["identifier"].append({"system": NHS, "value": number})
        body |= {"name": [{"family": f"Synthetic{index}"}], "birthDate": "1970-01-02"}
        if practice := practice_of(index):
            body["generalPractitioner"] = [{"identifier": {"system": ODS, "value": practice}}]
        return body
    body["patient" if entry.type == "AllergyIntolerance" else "subject"] = reference("p")
    if entry.code:
        body["code"] = {"coding": [{"system": SNOMED, "code": entry.code}]}
    elif entry.type not in ("Encounter", "CarePlan", "DocumentReference", "MedicationRequest"):
        body["code"] = {"text": "something"}
    body |= dated(entry) | REQUIRED.get(entry.type, {})
    for other in entry.via:
        if SHELF[other].type == "Encounter":
            body["encounter"] = reference(other)
        else:
            body["result"] = [reference(other)]
    return body


REQUIRED = {
    "Observation": {"status": "final"},
    "DiagnosticReport": {"status": "final"},
    "Encounter": {
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    },
    "MedicationRequest": {"status": "active", "intent": "order", "medicationCodeableConcept": {"text": "something"}},
    "CarePlan": {"status": "active", "intent": "plan"},
    "Flag": {"status": "active"},
    "DocumentReference": {"status": "current", "content": [{"attachment": {"title": "something"}}]},
}


def dated(entry: Entry) -> dict:
    if not entry.date:
        return {}
    match entry.type:
        case "Observation" | "DiagnosticReport":
            return {"effectiveDateTime": entry.date}
        case "Condition":
            return {"onsetDateTime": entry.date, "recordedDate": entry.date}
        case "AllergyIntolerance":
            return {"onsetDateTime": entry.date, "recordedDate": entry.date}
        case "MedicationRequest":
            return {"authoredOn": entry.date}
        case "DocumentReference":
            return {"date": f"{entry.date}T09:00:00Z"}
        case _:
            return {"period": {"start": entry.date, "end": entry.date}}
