"""Plain puts on the same key: last writer wins, one live replica is enough.

As they are today, but for what they do beside decided writes. One that met something newer is given
a newer version and sent again, so that it is the last one, as whoever wrote it expects. Beside
conditions that is dangerous: it may have been seen in its first version, replaced on purpose, and
then come back.
"""

from __future__ import annotations

from collections.abc import Callable

from kvcluster.model.condition import Condition
from kvcluster.model.entry import Entry, Version, time_of, version_of
from kvcluster.model.operation import Kind
from tests.linear.deciding import PATIENCE, Asked, Coordinator
from tests.linear.town import MARK, Answers, Replica, Task, Town, Wait, Work


def is_decided(r: Replica) -> bool:
    """Whether a key is decided by majority, as far as a replica knows."""
    mark = MARK.to_bytes(2, "big")
    return r.promise is not None or (r.entry is not None and version_of(r.entry)[8:10] == mark)


class PlainPuts:
    """Carries them out."""

    def __init__(self, town: Town, coordinator: Coordinator) -> None:
        self._town = town
        self._coordinator = coordinator

    def write(self, at: Replica, asked: Asked) -> None:
        """Put or delete: the long way if the key is decided, as far as is known here."""
        if self._town.rules.plain_puts_ask_the_key and is_decided(at):
            asked.condition = Condition.none()
            self._coordinator.queue(at, asked)
        else:
            Task(self._town, at, self._write(at, asked))

    def _write(self, at: Replica, asked: Asked) -> Work[None]:
        town = self._town
        value = asked.value if asked.kind is Kind.PUT else None
        while town.now < asked.until:
            [version] = at.ticks(1, decided=False)
            answers = self._send(at, (value, version))
            yield Wait(town.now + PATIENCE, answers)
            if self._ends(at, asked, version, answers):
                return
        asked.unknown(None)

    def _send(self, at: Replica, entry: Entry) -> Answers:
        def store(r: Replica, answer: Callable[..., None]) -> None:
            def told(verdict: str) -> None:
                answer((verdict, r.votes, is_decided(r)))

            if r is not at and r.is_stale(time_of(version_of(entry))):
                told("stale")
            else:
                r.take(entry, told)

        return self._town.ask(at, self._town.replicas, store)

    def _ends(self, at: Replica, asked: Asked, version: Version, answers: Answers) -> bool:
        """Whether it is over, and told; else it must be given a newer version."""
        town, rules, given = self._town, self._town.rules, list(answers.given.values())
        stored = [votes for verdict, votes, _ in given if verdict == "stored"]
        votes = sum(stored) if rules.plain_copies_count_if_they_vote else len(stored)
        without = [decided for verdict, _, decided in given if verdict in {"older", "refused"}]
        accepted = votes >= town.majority and rules.plain_puts_ask_the_key
        marked = any(without) and rules.plain_puts_ask_the_key
        never = len(without) > len(town.replicas) - town.majority
        if at.place in answers.given and (accepted or not without):
            asked.done(version, votes)
            return True
        may_go_again = never or not rules.plain_puts_are_renewed_safely
        if at.place in answers.given and not marked and may_go_again:
            return False
        asked.unknown(None)
        return True
