"""What it costs to know who speaks: plain, with a secret, with TLS, with mutual TLS.

The same three nodes in each form, all of them at once. With TLS alone the nodes know each other by
the secret, and clients show nothing. Single calls, many at once, a bulk; and connections, each with
one read, since a handshake is what TLS costs most by far.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.contest import Contest, in_turn
from bench.load.driver import Driver
from bench.load.jobs import PREFIX, Bulk, Closed
from bench.systems.ours import Ours, Secured

CASES = ("tls-put-one", "tls-get-one", "tls-puts-64", "tls-bulk", "tls-connect")
_LOOPS = {
    "tls-put-one": ("put", 1),
    "tls-get-one": ("get", 1),
    "tls-puts-64": ("put", 64),
    "tls-connect": ("connect", 4),
}
_IN_MS = ("tls-put-one", "tls-get-one")


def measure(contest: Contest, cases: Sequence[str]) -> None:
    """Start every form, and measure in turn."""
    if not contest.takes_part("ours"):
        return
    try:
        forms = _forms(contest.folder)
    except ModuleNotFoundError:
        contest.skip("TLS", "cryptography missing: pip install '.[certs]'")
        return
    with ExitStack() as stack:
        running: dict[Ours, Driver] = {}
        for row, form in forms.items():
            system = contest.ours(secured=form)[0]
            with contest.skipping(row):
                contest.tell(f"starting ours, {row}")
                driver = stack.enter_context(system.loaded())
                driver.ask(Bulk(prefix=PREFIX, count=contest.scale.few_keys), system.pids)
                running[system] = driver
        rows = dict(zip(running, forms, strict=False))
        for number in range(contest.scale.rounds):
            contest.tell(f"secured, round {number + 1} of {contest.scale.rounds}")
            for case in cases:
                for system in in_turn(number, list(running)):
                    with contest.skipping(rows[system], case):
                        _measure(contest, case, system, running[system], rows[system], number)


def _forms(folder: Path) -> dict[str, Secured]:
    """By row. Raises ModuleNotFoundError."""
    from kvcluster.commands.authority import Authority

    certs, secret = folder / "certs", folder / "secret"
    authority = Authority(certs)
    authority.certify_node("localhost", 2)
    authority.certify_client("bench", 2)
    secret.write_text("only for the time of a benchmark")
    ca, cert, key = (str(certs / name) for name in ("ca.pem", "localhost.pem", "localhost.key"))
    known = ("--cluster-secret-file", str(secret))
    tls = ("--tls-ca", ca, "--tls-cert", cert, "--tls-key", key)
    shown = (ca, str(certs / "bench.pem"), str(certs / "bench.key"))
    return {
        "ours": Secured(),
        "a secret": Secured(options=known),
        "TLS": Secured(options=(*tls, "--client-certs", "off", *known), shown=(ca,)),
        "mutual TLS": Secured(options=tls, shown=shown),
    }


def _measure(
    contest: Contest, case: str, system: Ours, driver: Driver, row: str, number: int
) -> None:
    scale = contest.scale
    if case == "tls-bulk":
        figures = driver.ask(Bulk(prefix=f"tls-{number}/", count=scale.bulk_keys), system.pids)
    else:
        act, clients = _LOOPS[case]
        job = Closed(
            act=act,
            clients=clients,
            keys=scale.few_keys,
            seconds=scale.seconds,
            warm_s=scale.warm_s,
        )
        figures = driver.ask(job, system.pids)
    value = figures["p50_ms"] if case in _IN_MS else figures["rate"]
    contest.record(case, row, number, value, figures)
    contest.remark(case, row, driver)
