"""The rules of access as docs/ACCESS.md tells them, read side by side with it: its order, its rule ids, its words.

Written from that prose and the tables it refers to (`policies/*.json`), without looking at the gateway's own rules. Pure
functions: a world is who asks, what for, and the facts of one patient; the answer is a status, a code, and what is shown.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from region import HOLDERS, KIND, LIVE, SHELF, Entry
from worlds import CLAIMED_AT, Asker, Ask, Facts, Objection, Override, Terms

POLICIES = Path(__file__).parents[2] / "policies"
ROLES = json.loads((POLICIES / "roles.json").read_text())
GROUPS_OF_KIND = {
    kind: group for group in json.loads((POLICIES / "organisations.json").read_text())["groups"] for kind in group["kinds"]
}
BASES = {row["basis"]: row for row in json.loads((POLICIES / "relationships.json").read_text())["bases"]}
SENSITIVITIES = json.loads((POLICIES / "sensitivities.json").read_text())["sensitivities"]

KIND_OF_TYPE = {type: kind["name"] for kind in ROLES["kinds"] for type in kind["types"]}
GROUP_OF_ROLE = {role["code"]: group for group in ROLES["groups"] for role in group["roles"]}
ACTIVITIES = {activity["code"]: activity["reaches"] for activity in ROLES["activities"]}


@dataclass
class Verdict:
    """What the gateway must answer. `why` are the rules that decided, and those that would have but for an exemption."""

    status: int
    code: str = ""
    shown: frozenset[tuple[str, str]] = frozenset()
    suppressed: bool = False
    why: list[str] = field(default_factory=list)


ACCESS_DENIED, NO_CONSENT, NOT_FOUND = "ACCESS_DENIED", "NO_PATIENT_CONSENT", "NO_RECORD_FOUND"


def decide(facts: Facts, asker: Asker, ask: Ask) -> Verdict:
    if stopped := reach(asker, ask, facts):
        return Verdict(403, ACCESS_DENIED, why=stopped)
    if asker.party == "patient":
        return Verdict(200, why=["patient-oneself"])
    grade = relate(facts, asker)
    if grade == "could-not-check":
        return Verdict(503, why=[grade])
    if grade is None:
        return Verdict(403, ACCESS_DENIED, why=["no-relationship"])
    if stopped := see(facts, asker):
        return Verdict(403, NO_CONSENT, why=stopped)
    verdict = Verdict(200, why=[grade])
    if any(closes(objection, facts, asker) for objection in facts.objections):
        verdict.why.append("overridden:whole-record-objection")
    asked = [(source, entry) for source in HOLDERS for entry in SHELF.values() if entry.type == ask.type]
    if ask.type == "Patient" and facts.practice not in (None, *HOLDERS):
        asked.append((facts.practice, SHELF["p"]))
    if ask.source:
        asked = [(ask.source, SHELF[ask.entry])]
    shown = set()
    for source, entry in asked:
        withheld, lifted = disclose(facts, asker, grade, source, entry)
        verdict.why += withheld or lifted
        if not withheld:
            shown.add((source, entry.name))
        elif not {"source-suspended", "source-quarantined"} & set(withheld):
            verdict.suppressed = True
    verdict.shown = frozenset(shown)
    if ask.source in facts.suspended or ask.source in facts.quarantined:
        return Verdict(502, why=verdict.why)
    if ask.reads and not shown:
        return Verdict(404, NOT_FOUND, why=verdict.why)
    return verdict


# 1. Reach


def reach(asker: Asker, ask: Ask, facts: Facts) -> list[str]:
    """The rules that stop such a user from asking such a thing of anybody."""
    stopped = []
    if not scope_covers(asker, ask):
        stopped.append("scope-missing")
    if asker.party == "patient":
        # their own sign-in always means PATRQT
        if not asker.oneself or ask.type not in ("AuditEvent", "Consent"):
            stopped.append("patients-reach-their-own-log-and-objections")
        return stopped
    if asker.purpose not in ("TREAT", "COC", "ETREAT"):
        stopped.append("purpose-not-own-care")
    if not GROUPS_OF_KIND.get(KIND.get(asker.organisation), {"reaches": []})["reaches"]:
        stopped.append("organisation-not-a-reader")
    if asker.party == "system":
        return [*stopped, "systems-read-no-record"]
    if asker.user in facts.revoked:
        stopped.append("user-revoked")
    if KIND_OF_TYPE[ask.type] not in kinds_reached(asker):
        stopped.append("role-reaches-kind")
    return stopped


def scope_covers(asker: Asker, ask: Ask) -> bool:
    context = {"staff": "user", "patient": "patient", "system": "system"}[asker.party]
    letter = "r" if ask.reads else "s"
    for scope in asker.scope.split():
        who, _, rest = scope.partition("/")
        type, _, letters = rest.partition(".")
        if who == context and type in ("*", ask.type) and letter in letters:
            return True
    return False


def kinds_reached(asker: Asker) -> set[str]:
    """The kinds that the selected role reaches, and its activities where its group lets them; within what a reader of
    such an organisation may reach at all."""
    group = GROUP_OF_ROLE.get(asker.role)
    if group is None:
        return set()
    reached = set(group["reaches"])
    for activity in asker.activities:
        if activity in group.get("activities", ()):
            reached.update(ACTIVITIES[activity])
    return reached & set(GROUPS_OF_KIND.get(KIND.get(asker.organisation), {"reaches": []})["reaches"])


# 2. Relate


def relate(facts: Facts, asker: Asker) -> str | None:
    """The rule of the best grade in force now between the asker's own organisation and the patient."""
    bases = {tie.basis for tie in facts.ties if tie.organisation == asker.organisation and holds(tie)}
    if "registered" in bases:
        return "registered-here"
    if bases:
        return "cared-for-here"
    # nothing stored but a claim relates them: their own organisation is asked, where it can be
    unreachable = asker.organisation in facts.suspended or asker.organisation in facts.quarantined
    if not unreachable:
        if KIND[asker.organisation] == "gp-practice" and facts.practice == asker.organisation:
            return "registered-here"
        if asker.organisation in LIVE[facts.live]:
            return "cared-for-here"
    if asker.user in facts.claims and asker.organisation == CLAIMED_AT:
        return "claimed"
    return "could-not-check" if unreachable else None


def holds(tie) -> bool:
    """Is a relationship in force now? Days are counted from now; start inclusive, end exclusive."""
    row = BASES[tie.basis]
    if tie.ended:
        return False
    if tie.start - row["before_days"] > 0:
        return False
    if tie.end is not None:
        return tie.end + row["after_days"] > 0
    return "longest_days" not in row or tie.start + row["longest_days"] > 0


# 3. See


def override_of(facts: Facts, asker: Asker) -> Override | None:
    """The person's own, at the organisation where they took it, for a reason that the role selected now may still take."""
    override = facts.overrides.get(asker.user)
    taken_at = CLAIMED_AT if asker.user in facts.claims else facts.practice
    if override is None or asker.organisation != taken_at:
        return None
    group = GROUP_OF_ROLE.get(asker.role) or {}
    return override if override.reason in group.get("may_override", ()) else None


def see(facts: Facts, asker: Asker) -> list[str]:
    for objection in facts.objections:
        if closes(objection, facts, asker):
            override = override_of(facts, asker)
            if override is None:
                return ["whole-record-objection"]
            if objection.not_even and not override.for_another:
                return ["not-even-in-an-emergency"]
    return []


def closes(objection: Objection, facts: Facts, asker: Asker) -> bool:
    """Is it in force, meant for this reader, and limited to nothing?"""
    terms = objection.terms
    limits = terms.sources or terms.types or terms.kinds or terms.sensitivities or terms.data
    return in_force(objection, asker) and meant_for(terms, asker) and not limits and not objection.exceptions


def in_force(objection: Objection, asker: Asker) -> bool:
    if objection.start is not None and objection.start > 0 or objection.end is not None and objection.end <= 0:
        return False
    if objection.reviewed == "lifted":
        return False
    if objection.withdrawn_at:
        # not yet confirmed: in force for that person and that organisation alone
        return asker.user == "withdrawer" or asker.organisation == objection.withdrawn_at
    return True


def meant_for(terms: Terms, asker: Asker) -> bool:
    return not terms.recipients or asker.organisation in terms.recipients or asker.user in terms.recipients


# 4. Disclose


def disclose(facts: Facts, asker: Asker, grade: str, source: str, entry: Entry) -> tuple[list[str], list[str]]:
    """The rules that withhold an entry, and those that would but for an exemption."""
    withheld, lifted = [], []
    own, override = source == asker.organisation, override_of(facts, asker)

    def forbid(rule: str, lifted_by_own=False, lifted_by_override=False):
        if lifted_by_own and own:
            lifted.append(f"own:{rule}")
        elif lifted_by_override and override:
            lifted.append(f"overridden:{rule}")
        else:
            withheld.append(rule)

    if source in facts.suspended:
        forbid("source-suspended")
    if source in facts.quarantined:
        forbid("source-quarantined")
    for objection in facts.objections:
        if in_force(objection, asker) and covers(objection, asker, source, entry):
            lifts = override is not None and (override.for_another or not objection.not_even)
            forbid("entry-objection", lifted_by_own=True, lifted_by_override=lifts)
    marks = marked(entry)
    kinds = {mark["kind"] for mark in marks if "kind" in mark}
    if kinds - kinds_reached(asker):
        forbid("role-reaches-sensitivity")
    if kinds and grade == "claimed":
        forbid("sensitive-on-a-claim", lifted_by_own=True, lifted_by_override=True)
    if restricted(entry) and grade != "registered-here":
        forbid("restricted-label", lifted_by_own=True, lifted_by_override=True)
    for mark in marks:
        if "statute" in mark:
            rule = {"gender-recognition": "gender-recognition-bar", "assisted-fertilisation": "assisted-fertilisation-bar"}
            forbid(rule.get(mark["name"], "statutory-bar"), lifted_by_own=True)
    return withheld, lifted


def covers(objection: Objection, asker: Asker, source: str, entry: Entry) -> bool:
    if not fits(objection.terms, asker, source, entry, undated=True):
        return False
    return not any(fits(exception, asker, source, entry, undated=False) for exception in objection.exceptions)


def fits(terms: Terms, asker: Asker, source: str, entry: Entry, undated: bool) -> bool:
    """Does the entry, shown to this reader, fit each thing that is named?"""
    if not meant_for(terms, asker):
        return False
    if terms.sources and source not in terms.sources:
        return False
    if (terms.types or terms.kinds) and not (entry.type in terms.types or kinds_of(entry) & set(terms.kinds)):
        return False
    if terms.sensitivities and not any({*mark["labels"], mark["name"]} & set(terms.sensitivities) for mark in marked(entry)):
        return False
    if terms.data:
        if entry.type == "Patient":
            return False
        if not entry.date:
            return undated
        start, end = terms.data
        return (not start or start <= entry.date) and (not end or entry.date <= end)
    return True


def kinds_of(entry: Entry) -> set[str]:
    return {KIND_OF_TYPE[entry.type]} | {mark["kind"] for mark in marked(entry) if "kind" in mark}


# Sensitivity


def marked(entry: Entry) -> list[dict]:
    """The sensitivities an entry is marked with: by its own labels, its codes, and what it refers to."""
    if entry.name not in MARKS:
        own = [row for row in SENSITIVITIES if set(row["labels"]) & set(entry.labels) or entry.code in codes(row)]
        MARKS[entry.name] = own + [row for other in entry.via for row in marked(SHELF[other]) if row not in own]
    return MARKS[entry.name]


MARKS: dict[str, list[dict]] = {}


def codes(row: dict) -> set[str]:
    return {coding["code"] for coding in row["codes"]}


def restricted(entry: Entry) -> bool:
    return entry.confidentiality in ("R", "V")
