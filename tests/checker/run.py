"""Random worlds, asked of the gateway over HTTP and of the rules as their prose has them; both must agree.

    python tests/checker/run.py --gateway-binary target/release/caregate --worlds 1000000 --workers 2

A world is the facts of a patient, who asks, and what; each is counted once. It fails on the first disagreement, with a
minimal world, and if a rule, or an exemption from one, was never met with.
"""

import argparse
import json
import multiprocessing
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import region
import worlds
from gateway import Gateway, Sandbox
from region import HOLDERS, KIND, NHS, SHELF, TYPES
from rules import Verdict, decide
from state import REVOKED, People, established
from worlds import Ask, Asker, Facts, Tie

CANARY = re.compile(rb'"canary\.([A-Z0-9]+)\.(\d+)\.([a-z0-9]+)"')
ENTRY = re.compile(rb'"id":"([A-Za-z0-9.-]+)"[^{]*?"identifier":\[\{[^}]*?"value":"canary\.([A-Z0-9]+)\.\d+\.([a-z0-9]+)"')
SPINE = re.compile(rb"Spine-ErrorOrWarningCode\",\"code\":\"([A-Z_]+)\"")
SUPPRESSED = b'"code":"suppressed"'

# Every branch of the prose that a run must have met with, at least once.
BRANCHES = """scope-missing purpose-not-own-care organisation-not-a-reader role-reaches-kind user-revoked
patients-reach-their-own-log-and-objections systems-read-no-record no-relationship could-not-check registered-here cared-for-here claimed
patient-oneself whole-record-objection not-even-in-an-emergency overridden:whole-record-objection source-suspended
entry-objection own:entry-objection overridden:entry-objection role-reaches-sensitivity
sensitive-on-a-claim own:sensitive-on-a-claim overridden:sensitive-on-a-claim restricted-label own:restricted-label
overridden:restricted-label gender-recognition-bar own:gender-recognition-bar assisted-fertilisation-bar
own:assisted-fertilisation-bar""".split()

SUSPENDED = "RZ913"

SETTINGS = {
    "CAREGATE__FEDERATION__TTL_SECONDS": "86400",
    "CAREGATE__FEDERATION__PATIENT_TTL_SECONDS": "86400",
    "CAREGATE__FEDERATION__EVIDENCE_TTL_SECONDS": "86400",
    "CAREGATE__FEDERATION__CACHE_BYTES": str(1 << 30),
}


class Disagreement(AssertionError):
    pass


@dataclass
class Patient:
    index: int
    number: str
    id: str
    entries: dict[tuple[str, str], str]


def harvest(gateway: Gateway, index: int, number: str) -> Patient:
    """Learns the gateway's ids of all a patient's entries: of each holder, as one of its own."""
    entries, person = {}, ""
    for ods in HOLDERS:
        with established(gateway, number, Facts(ties=(Tie(ods, "caseload"),)), People(0)):
            token = gateway.token(persona="staff", organisation=ods, role="R0260")
            for _, body in gateway.get_all([(search(type, number), token) for type in TYPES]):
                for id, source, name in ENTRY.findall(body):
                    entries[source.decode(), name.decode()] = id.decode()
    person = next(id for (_, name), id in entries.items() if name == "p")
    return Patient(index, number, person, entries)


def search(type: str, number: str) -> str:
    name = "identifier" if type == "Patient" else "patient.identifier"
    return f"{type}?{name}={NHS}%7C{number}&_count=200"


def path(ask: Ask, patient: Patient) -> str:
    if ask.source:
        return f"{ask.type}/{patient.entries[ask.source, ask.entry]}"
    if ask.type in ("AuditEvent", "Consent"):
        return f"{ask.type}?patient={patient.id}" if ask.type == "AuditEvent" else search(ask.type, patient.number)[:-11]
    if ask.by_id:
        return f"Patient/{patient.id}" if ask.type == "Patient" else f"{ask.type}?patient={patient.id}&_count=200"
    return search(ask.type, patient.number)


def token(gateway: Gateway, asker: Asker, patient: Patient, stranger: str, people: People) -> str:
    wishes = {"scope": asker.scope, "purpose": asker.purpose}
    if asker.party == "patient":
        return gateway.token(persona=f"patient:{patient.number if asker.oneself else stranger}", **wishes)
    if asker.party == "system":
        return gateway.token(persona=f"system:{asker.organisation}", **wishes)
    wishes |= {"role": asker.role} if asker.role else {}
    wishes |= {"activities": " ".join(asker.activities), "user": people[asker.user], "organisation": asker.organisation}
    return gateway.token(persona="staff", **wishes)


def compare(verdict: Verdict, ask: Ask, status: int, body: bytes) -> str | None:
    """What is wrong with an answer; None if it is as the verdict says."""
    shown = {(source.decode(), name.decode()) for source, _, name in CANARY.findall(body)}
    if status != verdict.status:
        return f"status {status} instead of {verdict.status}"
    if status != 200:
        found = SPINE.search(body)
        code = found[1].decode() if found else ""
        if code != verdict.code:
            return f"code {code!r} instead of {verdict.code!r}"
        return f"an answer {status} that shows {shown}" if shown else None
    if ask.type in ("AuditEvent", "Consent"):
        return None
    if ask.type == "Patient":
        # one Patient stands for all: any source's that may be shown
        if not shown <= verdict.shown or len(shown) != bool(verdict.shown):
            return f"shown {shown}, of {sorted(verdict.shown)}"
        return None
    if shown != verdict.shown:
        return f"too much: {sorted(shown - verdict.shown)}; too little: {sorted(verdict.shown - shown)}"
    # of these types there are entries that are not of the shelf (region.care), which may be withheld too
    if ask.type in ("Encounter", "EpisodeOfCare", "Appointment"):
        return None
    if not ask.reads and (SUPPRESSED in body) != verdict.suppressed:
        return f"suppressed is {'not ' if verdict.suppressed else ''}stated"
    return None


def work(number: int, options, addresses: dict, first: int, count: int, result, suspended):
    """One worker: patients of its own, connections of its own, a seed of its own."""
    try:
        result.put(("done", number, agreed(number, options, addresses, first, count, result, suspended)))
    except BaseException as error:
        result.put(("failed", number, "".join(traceback.format_exception_only(error))))
        if not isinstance(error, Disagreement):
            traceback.print_exc()


def agreed(number: int, options, addresses: dict, first: int, count: int, result, suspended):
    gateway = Gateway(addresses, options.connections)
    numbers = region.numbers(options.patients + 1)
    began = time.monotonic()
    pool = [harvest(gateway, index, numbers[index]) for index in range(first, first + count)]
    result.put(("ready", number, round(time.monotonic() - began, 1)))
    like: dict[tuple, list[Patient]] = {}
    for one in pool:
        like.setdefault((region.practice_of(one.index), region.live_of(one.index)), []).append(one)
    readable = sorted(key for key in pool[0].entries if key[1] != "p")
    counters, seen, turns = Counter(), set(), Counter()
    share = options.worlds // options.workers

    def check(facts: Facts, pick: int):
        if len(seen) >= goal:
            return
        if suspended.is_set():
            facts = replace(facts, suspended=(SUSPENDED,))
        random = Random(pick)
        standing = facts.practice, facts.live
        turns[standing] += 1
        patient = like[standing][turns[standing] % len(like[standing])]
        asked, fact_key = [], hash(repr(facts))
        for _ in range(options.asks * options.workers):
            asker = worlds.asker(random, facts)
            ask = worlds.ask(random, asker, readable)
            key = hash((fact_key, asker, ask))
            # each world is one worker's, so that none is counted twice
            if key % options.workers == number and key not in seen:
                asked.append((asker, ask, key))
        people = People(sum(turns.values()) * options.workers + number)
        with established(gateway, patient.number, facts, people):
            requests = [(path(ask, patient), token(gateway, asker, patient, numbers[-1], people)) for asker, ask, _ in asked]
            for (asker, ask, key), (status, body) in zip(asked, gateway.get_all(requests)):
                verdict = decide(facts, asker, ask)
                wrong = compare(verdict, ask, status, body)
                if wrong:
                    raise Disagreement(f"{wrong}\n  facts {facts}\n  asker {asker}\n  ask {ask}\n  by {verdict.why}")
                if key not in seen:  # it may have been drawn twice
                    seen.add(key)
                    counters.update(set(verdict.why))
                    counters[f"{status} {verdict.code}".strip()] += 1
        counters["facts"] += 1
        if counters["facts"] % 100 == 0:
            result.put(("at", number, len(seen)))

    # the last tenth of the worlds has a source suspended, which is so for everyone
    for part, goal in enumerate([share * 9 // 10, share]):
        if part:
            result.put(("waiting", number, None))
            suspended.wait()
        strategy = seed(options.seed * 1000 + number * 10 + part)(given(worlds.facts(), st.integers(0, 2**48))(check))
        phases = [Phase.generate] if options.no_shrink else [Phase.generate, Phase.shrink]
        strategy = settings(
            max_examples=20 + 2 * goal // options.asks,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        )(strategy)
        while len(seen) < goal:
            strategy()
    return counters, seen


def main() -> int:
    options = arguments()
    # the same world has the same hash in every worker: they are forked from this process
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        data, state = Path(folder) / "region", Path(folder) / "state"
        state.mkdir()
        region.write(data, options.patients)
        with Sandbox(options.gateway_binary.resolve(), data, state, SETTINGS) as sandbox:
            issuer = sandbox.addresses["identity"]
            sandbox.operator("user", "revoke", issuer, REVOKED, "--reason", "a test")
            began, queue, share = time.monotonic(), fork.Queue(), options.patients // options.workers
            suspended = fork.Event()
            workers = [
                fork.Process(target=work, args=(n, options, sandbox.addresses, n * share, share, queue, suspended))
                for n in range(options.workers)
            ]
            for worker in workers:
                worker.start()
            outcome = listen(queue, options, began, lambda: suspend(sandbox, suspended))
            for worker in workers:
                worker.kill() if outcome is None else worker.join()
    return report(outcome, options, time.monotonic() - began) if outcome else 1


def suspend(sandbox: Sandbox, suspended):
    sandbox.operator("provider", "suspend", SUSPENDED, "--reason", "a test")
    suspended.set()


def listen(queue, options, began, when_all_wait):
    """Follows the workers; what they counted, or None if one of them failed."""
    at, counters, seen, left, waiting = Counter(), Counter(), set(), options.workers, 0
    told = time.monotonic()
    while left:
        what, number, said = queue.get()
        if what == "failed":
            print(f"worker {number}: {said}", file=sys.stderr)
            return None
        if what == "ready":
            print(f"worker {number} has set up its patients in {said} s", flush=True)
        if what == "at":
            at[number] = said
            if time.monotonic() - told > 10:
                told = time.monotonic()
                print(f"{sum(at.values())} worlds in {told - began:.0f} s", flush=True)
        if what == "waiting":
            waiting += 1
            if waiting == options.workers:
                when_all_wait()
        if what == "done":
            left -= 1
            counters += said[0]
            seen |= said[1]
    return counters, seen


def report(outcome, options, seconds: float) -> int:
    counters, seen = outcome
    print(f"{len(seen)} distinct worlds agreed, of {counters.pop('facts')} sets of facts, in {seconds:.0f} s (seed {options.seed})")
    for name, count in sorted(counters.items()):
        print(f"  {count:>8}  {name}")
    missed = [branch for branch in BRANCHES if not counters[branch]]
    if missed:
        print(f"never met with: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed or len(seen) < options.worlds // options.workers * options.workers else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateway-binary", type=Path, required=True)
    parser.add_argument("--worlds", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--patients", type=int, default=24, help="made-up patients: a dozen for each worker, or more")
    parser.add_argument("--asks", type=int, default=200, help="asked of each set of facts")
    parser.add_argument("--connections", type=int, default=8, help="each worker's")
    parser.add_argument("--no-shrink", action="store_true", help="fail with the first world found, not the smallest")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
