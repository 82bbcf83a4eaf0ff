"""What differs between worlds, and how Hypothesis makes them: the facts of a patient, who asks, and what."""

from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from region import HOLDERS, KIND, LIVE, PRACTICES, SHELF, TYPES, UNREGISTERED


@dataclass(frozen=True)
class Tie:
    """A relationship that an organisation's system asserted. Days from now; `ended` by $end-relationship."""

    organisation: str
    basis: str
    start: int = -1
    end: int | None = None
    ended: bool = False


@dataclass(frozen=True)
class Terms:
    """What an objection, or an exception of one, names; nothing named is no limit.

    Recipients are ODS codes and people; sensitivities are labels of v3-ActCode, or our own names in small letters.
    """

    recipients: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    sensitivities: tuple[str, ...] = ()
    data: tuple[str, str] | None = None


@dataclass(frozen=True)
class Objection:
    """Days from now for the period in force. `emergency`: how it says "but in an emergency", if it does (by its policy rule,
    or by an exception). `reviewed` is where its review has come to; `withdrawn_at` the practice at which the withdrawer has
    recorded that the patient takes it back, which nobody has confirmed."""

    terms: Terms = Terms()
    exceptions: tuple[Terms, ...] = ()
    emergency: str = ""
    not_even: bool = False
    start: int | None = None
    end: int | None = None
    reviewed: str = ""
    withdrawn_at: str = ""


@dataclass(frozen=True)
class Override:
    reason: str

    @property
    def for_another(self) -> bool:
        return self.reason in ("harm-to-other", "harm-to-child")


@dataclass(frozen=True)
class Facts:
    """All that is known of one patient, and of everyone, when the gateway decides."""

    practice: str | None = None
    live: int = 0
    ties: tuple[Tie, ...] = ()
    objections: tuple[Objection, ...] = ()
    claims: tuple[str, ...] = ()
    overrides: dict[str, Override] = field(default_factory=dict)
    suspended: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asker:
    party: str
    organisation: str = ""
    role: str | None = None
    activities: tuple[str, ...] = ()
    scope: str = "user/*.rs"
    purpose: str = "TREAT"
    user: str = "anybody"
    oneself: bool = True


@dataclass(frozen=True)
class Ask:
    """A search for a type, by number or by the gateway's own id; a read of one entry of one source, or of the Patient."""

    type: str
    source: str = ""
    entry: str = ""
    by_id: bool = False

    @property
    def reads(self) -> bool:
        return bool(self.source) or (self.type == "Patient" and self.by_id)


# People, as worlds tell them apart. Each set of facts has its own, as nobody can take back a claim or an override.
CLAIMED_AT = "RZ911"
PEOPLE = ["anybody", "claimer", "overrider", "withdrawer", "objected", "revoked"]

# One of each group, and of each kind of being nobody; those who treat more often, because more happens to them.
CLINICAL = ["R0260", "R0050", "R1975", "R1070", "R8001"]
ROLES = ["R8004", "R1290", "R1330", "R0001", "R5105", "R5100", "R8006", "R8009", "R8015", "R1860", "R5020", "R9999", None]
ACTIVITIES = [(), (), ("B0401",), ("B0380", "B0401", "B0028"), ("B0015", "B0560"), ("B9999",)]
SCOPES = ["user/*.r", "user/*.s", "user/Observation.rs user/Patient.s", "patient/*.rs", "system/*.rs", "user/*.cud", ""]
PURPOSES = ["COC", "ETREAT", "HRESCH", "CLINTRL", "POPHLTH", "HMARKT", "HPAYMT", "PATRQT", "BTG"]
READERS = [ods for ods in KIND if KIND[ods] not in ("police", "education", "icb")]
STAFF = [*KIND, UNREGISTERED]


def asker(random: Random, facts: Facts) -> Asker:
    """Somebody; mostly a member of staff whose token is in order, else with one thing or several that are not."""
    party = random.choices(["staff", "patient", "system"], [90, 6, 4])[0]
    if party == "patient":
        scope = random.choice(["patient/*.rs", "patient/AuditEvent.rs patient/Consent.rs", "user/*.rs", "patient/*.r"])
        purpose = random.choice(["PATRQT", "PATRQT", "TREAT", "HRESCH"])
        return Asker("patient", scope=scope, purpose=purpose, user="", oneself=random.random() < 0.8)
    near = [*LIVE[facts.live], *(tie.organisation for tie in facts.ties), *[facts.practice] * bool(facts.practice)]
    organisation = random.choice(near) if near and random.random() < 0.8 else random.choice(STAFF)
    scope = "user/*.rs" if random.random() < 0.94 else random.choice(SCOPES)
    purpose = "TREAT" if random.random() < 0.94 else random.choice(PURPOSES)
    if party == "system":
        organisation = organisation if organisation in KIND else "F99101"
        scope = "system/*.rs" if scope == "user/*.rs" else scope
        return Asker("system", organisation, scope=scope, purpose=purpose, user="")
    user = random.choices(PEOPLE, [40, 10 + 20 * bool(facts.claims), 10 + 30 * bool(facts.overrides), 8, 8, 2])[0]
    if user in [*facts.claims, *facts.overrides] and random.random() < 0.7:
        organisation = CLAIMED_AT if user in facts.claims else facts.practice
    role = random.choice(CLINICAL if random.random() < 0.7 else ROLES)
    return Asker("staff", organisation, role, random.choice(ACTIVITIES), scope, purpose, user)


def ask(random: Random, asker: Asker, readable: list[tuple[str, str]]) -> Ask:
    if asker.party == "patient" and random.random() < 0.6:
        return Ask(random.choice(["AuditEvent", "Consent"]))
    if random.random() < 0.6:
        return Ask(random.choice(TYPES), by_id=random.random() < 0.5)
    source, name = random.choice(readable)
    return Ask(SHELF[name].type, source, name)


# Facts. Days keep away from the moment where a relationship begins or ends: that is another test's.

days = st.sampled_from([-400, -200, -100, -60, -20, -5, -1])
ends = st.sampled_from([None, None, -60, -20, -5, 5, 20, 60])
bases = st.sampled_from(["registered", "encounter", "referral", "appointment", "caseload", "care-team"])


@st.composite
def ties(draw) -> Tie:
    start = draw(st.one_of(days, st.sampled_from([5, 20])))
    end = draw(ends)
    if end is not None and end <= start:
        end = start + 2
    organisation, basis = draw(st.sampled_from(READERS)), draw(bases)
    # only a general practice has registered patients: of anybody else it is refused at the door
    basis = "caseload" if basis == "registered" and organisation not in PRACTICES else basis
    return Tie(organisation, basis, start, end, draw(st.sampled_from([False] * 5 + [True])))


def names(values, most=2):
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


RECIPIENTS = [*READERS, "objected"]
CLASSES = ["Observation", "Condition", "MedicationRequest", "Patient", "Flag"]
KINDS = ["demographics", "medicines-and-allergies", "clinical-detail", "mental-health", "sexual-health", "safeguarding"]
LABELS = ["MH", "PSY", "HIV", "SDV", "GDIS", "hiv", "termination-of-pregnancy", "substance-use", "assisted-fertilisation"]
DATA = [("2010-01-01", "2014-12-31"), ("2014-02-04", ""), ("", "2014-02-03"), ("2024-05-06", "2024-05-06"), ("2024-05-07", "")]


@st.composite
def terms(draw) -> Terms:
    """Any of the things that can be named; mostly one or two of them."""
    named = draw(st.sets(st.sampled_from(["recipients", "sources", "types", "kinds", "sensitivities", "data"]), max_size=3))
    among = {
        "recipients": names(RECIPIENTS),
        "sources": names(HOLDERS),
        "types": names(CLASSES),
        "kinds": names(KINDS),
        "sensitivities": names(LABELS),
        "data": st.sampled_from(DATA),
    }
    return Terms(**{name: draw(among[name]) for name in sorted(named)})


@st.composite
def objections(draw, practice: str | None) -> Objection:
    shape = draw(st.sampled_from(["whole", "whole", "one-source", "terms", "terms", "terms", "excepted"]))
    named, exceptions = Terms(), ()
    if shape == "one-source":
        named = Terms(sources=(draw(st.sampled_from(HOLDERS)),))
    elif shape == "terms":
        named = draw(terms())
    elif shape == "excepted":
        named = draw(st.one_of(st.just(Terms()), terms()))
        exceptions = tuple(draw(st.lists(terms().filter(lambda one: one != Terms()), min_size=1, max_size=2)))
    emergency, not_even = draw(st.sampled_from([("", False)] * 3 + [("rule", False), ("exception", False), ("", True), ("", True)]))
    start, end = draw(st.sampled_from([(None, None)] * 6 + [(-5, 5), (-5, None), (None, 5), (5, None), (5, 20)]))
    organisations = [name for name in named.sources if name in READERS]
    reviewed = draw(st.sampled_from(["", "", "", "under-review", "upheld", "not-upheld", "lifted"])) if organisations else ""
    withdrawn_at = draw(st.sampled_from(["", "", "", practice])) if practice and not reviewed else ""
    return Objection(named, exceptions, emergency, not_even, start, end, reviewed, withdrawn_at)


def said(objection: Objection):
    """What makes one objection another than another: the very same again is no second one, however it says the emergency."""
    return (objection.terms, objection.exceptions, objection.not_even, objection.start, objection.end)


REASONS = ["own-risk", "emergency", "harm-to-other", "harm-to-child"]


@st.composite
def facts(draw) -> Facts:
    practice = draw(st.sampled_from([*PRACTICES, None]))
    claims = draw(st.sampled_from([(), (), ("claimer",), ("claimer", "overrider"), ("overrider",)]))
    overrider = "overrider" in claims or practice
    overrides = {}
    if overrider and draw(st.booleans()):
        overrides = {"overrider": Override(draw(st.sampled_from(REASONS)))}
    objected = draw(st.lists(objections(practice), max_size=2, unique_by=said))
    if overrides and draw(st.booleans()):
        # rare by chance, and it matters most
        objected = [Objection(not_even=True)]
    return Facts(
        practice=practice,
        live=draw(st.integers(0, len(LIVE) - 1)),
        ties=tuple(draw(st.lists(ties(), max_size=3, unique_by=lambda tie: tie.organisation))),
        objections=tuple(objected),
        claims=claims,
        overrides=overrides,
        revoked=("revoked",),
    )
