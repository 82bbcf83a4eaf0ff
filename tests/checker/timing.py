"""Does a refusal tell anything of the patient: by a byte of its answer, or by its time?

    python tests/checker/timing.py --gateway-binary target/release/caregate

Asks the same refused questions of several worlds that differ only in the patient (data at every source, an objection, a care
relationship elsewhere, a number nobody knows), in random order over one connection. Head and body must be the same bytes,
but for X-Request-ID and Date. Times are compared with the first world's: Mann-Whitney's z over all, and Welch's t over
the fastest nine tenths. Past 4.5, as in https://eprint.iacr.org/2016/1123, a difference is no chance; it fails where both are.
A quiet machine and a release build say more.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import region
import run
from gateway import Gateway, Sandbox
from region import NHS
from state import People, established
from worlds import Facts, Objection, Terms, Tie

SUSPICIOUS = 4.5
VARYING = re.compile(rb"\r\n(x-request-id|date): [^\r]*", re.IGNORECASE)

# Nobody of these relates to any of the patients: one whose organisation is asked and knows the patient, one whose organisation
# is asked and does not, one whose role is refused before, and a system.
ASKERS = {
    "consultant whose hospital holds data": dict(persona="staff", organisation="RZ911", role="R0050"),
    "paramedic whose service holds none": dict(persona="staff", organisation="RZ914", role="R1070"),
    "researcher": dict(persona="staff", organisation="RZ911", role="R1860"),
    "system": dict(persona="system:RZ911"),
}

WHOLE, ONE_SOURCE = Objection(), Objection(Terms(sources=("RZ911",)))
WORLDS = {
    "has data": Facts(),
    "objects to all": Facts(objections=(WHOLE,)),
    "objects to a source": Facts(objections=(ONE_SOURCE,)),
    "is cared for elsewhere": Facts(ties=(Tie("LA911", "caseload"),)),
}


def main() -> int:
    options = arguments()
    random = Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        data, state = Path(folder) / "region", Path(folder) / "state"
        state.mkdir()
        region.write(data, 3 * len(WORLDS))
        with Sandbox(options.gateway_binary.resolve(), data, state, run.SETTINGS) as sandbox:
            gateway = Gateway(sandbox.addresses, 1)
            return 1 if any([told(gateway, name, asker, options, random) for name, asker in ASKERS.items()]) else 0


def told(gateway: Gateway, name: str, wishes: dict, options, random: Random) -> bool:
    """Whether anything stands out for this asker."""
    token = gateway.token(**wishes)
    # of no practice that could be asked, and nobody's care under way
    numbers = [number for index, number in enumerate(region.numbers(3 * len(WORLDS))) if region.practice_of(index) is None]
    patients = dict(zip(WORLDS, numbers)) | {"is nobody": region.numbers(400)[-1]}
    times: dict[str, list[float]] = {world: [] for world in patients}
    answers = set()
    undo = [established(gateway, patients[world], facts, People(turn)) for turn, (world, facts) in enumerate(WORLDS.items())]
    for one in undo:
        one.__enter__()
    connection = gateway.connections[0]
    order = list(patients) * options.rounds
    random.shuffle(order)
    # the first few find what the others have in memory
    for turn, world in enumerate(list(patients) * 20 + order):
        began = time.perf_counter_ns()
        connection.send("GET", f"/fhir/Observation?patient.identifier={NHS}%7C{patients[world]}", token)
        status, head, body = connection.receive()
        took = time.perf_counter_ns() - began
        answers.add((status, VARYING.sub(b"", head), body))
        if turn >= 20 * len(patients):
            times[world].append(took / 1000)
    for one in undo:
        one.__exit__(None, None, None)
    print(f"{name}: {len(order)} refusals, {len(answers)} different")
    base, stands_out = times["has data"], len(answers) != 1
    for world, own in times.items():
        z, t = mann_whitney(own, base), welch(fastest(own), fastest(base))
        odd = min(abs(z), abs(t)) > SUSPICIOUS
        stands_out |= odd
        print(f"  {world:24} median {statistics.median(own):8.1f} us  z {z:6.2f}  t {t:6.2f}{'  STANDS OUT' if odd else ''}")
    return stands_out


def fastest(times: list[float]) -> list[float]:
    return sorted(times)[: len(times) * 9 // 10]


def welch(one: list[float], other: list[float]) -> float:
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.fmean(one) - statistics.fmean(other)) / spread**0.5


def mann_whitney(one: list[float], other: list[float]) -> float:
    """The normal approximation of U; ties have no part in nanoseconds."""
    ranks = sorted([(time, 0) for time in one] + [(time, 1) for time in other])
    below = sum(rank for rank, (_, which) in enumerate(ranks, 1) if which == 0)
    u, n, m = below - len(one) * (len(one) + 1) / 2, len(one), len(other)
    return (u - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateway-binary", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5000, help="of each world, for each asker")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
