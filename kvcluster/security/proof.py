"""A peer's proof by the secret of the cluster, for clusters without certificates.

Every call of a node to another carries a line in its metadata:

    kvcluster-proof: 1 <sender> <recipient> <clock> <nonce> <mac>

The last is an HMAC-SHA256, keyed with the secret, over all before it, the method, and a hash of the
message (none of a stream: nobody knows yet what will be said on it). Who has not got the secret
cannot make one, and one that was made cannot be put to any other use: for another message, method,
sender or node it is none.

**Replays.** Who can listen may send the same again. A nonce that was seen is refused, and nonces
are remembered until their clock is older than a minute, from when on the clock refuses. A heartbeat
may be older, for by these a node whose clock is behind learns the time; of an old one a second copy
changes nothing, since its message is part of the proof. A node that was started anew remembers
nothing: what it saw in its former life may come once more within the minute, which the protocol
bears, for a network may deliver late as well (cluster/peers/timekeeper.py). But no stream is opened
so, on which anything could be said: its proof must be younger than the node's start. A peer that
is refused for that calls without a stream, and tries again a second later.

**The answer** comes with another line, an HMAC over the line of the question:

    kvcluster-answer: <mac>

For who listens at the address of a node that is down would be asked in its place, and say that he
has stored what he is sent. What is answered without that line is no word of a peer. Nobody can make
it beforehand, since the question has a nonce.

**What it protects from**, and what not. A stranger who can reach the port, and knows all that
`Status` tells, is no peer. Whoever reads the wire learns what is on it, but not the secret. Whoever
can *change* what is on the wire, or take a connection over, can speak on a stream that a peer has
opened: there the proof stands at the beginning, since one for each call would cost more than the
call. Against him there is TLS.

**Rotation.** The file may have several secrets, one a line: proofs are made with the first, and by
any of them they are believed. So: add the new one below on every node, then swap, then remove.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from kvcluster.errors import PermissionDenied, Unauthenticated, as_told
from kvcluster.model.clock import COUNTER_BITS

HEADER, ANSWER = "kvcluster-proof", "kvcluster-answer"
"""The keys in the metadata."""
LEAST_CHARACTERS = 16
"""Of a secret; less could be guessed from one proof."""
NONCE_BYTES = 12
MOST_AGE_S = 60.0
_VERSION = "1"
_MOST_REMEMBERED = 50_000
"""Nonces: those of a minute of a cluster that repairs as fast as it can, many times over. Only who
has the secret adds to them."""


class Secrets:
    """The secrets of a cluster; the first makes proofs. It never shows them."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        assert secrets
        self._secrets = tuple(secrets)

    def __repr__(self) -> str:
        return f"<{len(self._secrets)} secrets>"

    @classmethod
    def of(cls, text: str) -> Secrets:
        """From what a file has, one a line. Raises ValueError, which quotes nothing of it."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise ValueError("it is empty")
        if any(len(line) < LEAST_CHARACTERS for line in lines):
            raise ValueError(f"a secret in it has fewer than {LEAST_CHARACTERS} characters")
        return cls([line.encode() for line in lines])

    def prove(self, what: Claim, method: str, message: bytes | None) -> str:
        """The line in the metadata."""
        return f"{what.text} {_mac(self._secrets[0], what.text, method, message)}"

    def maker(self, mac: str, text: str, method: str, message: bytes | None) -> bytes | None:
        """Which of them made it; None: none. In the same time, whichever mark is wrong."""
        found = None
        for secret in self._secrets:
            ours = _mac(secret, text, method, message)
            if hmac.compare_digest(ours.encode(), mac.encode()):
                found = secret
        return found

    def answered(self, line: str, answer: str) -> bool:
        """Whether who answered a proof has one of them."""
        ours = [_answer(secret, line).encode() for secret in self._secrets]
        return any(hmac.compare_digest(it, answer.encode()) for it in ours)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a proof says."""

    sender: str
    """Who asks, by its name in the member list."""
    recipient: str
    """Who is asked."""
    clock: int
    """The hybrid time at the sender."""
    nonce: str

    @property
    def text(self) -> str:
        """As it travels."""
        return f"{_VERSION} {self.sender} {self.recipient} {self.clock:x} {self.nonce}"


@dataclass(frozen=True, slots=True)
class Proven:
    """What a good proof is worth."""

    sender: str
    """Who made it."""
    answer: str
    """What proves to him that whoever looked at it has the secret."""


class Verifier:
    """Looks at the proofs that come to one node."""

    def __init__(self, self_name: str, began: int = 0) -> None:
        """`began`: the hybrid time when it begins to remember."""
        self._began = began
        self._self_name = self_name
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()
        """Nonces by sender, with their clocks."""

    def look(
        self,
        secrets: Secrets,
        line: str,
        method: str,
        message: bytes | None,
        now: int,
        *,
        may_be_old: bool = False,
    ) -> Proven:
        """Who made this proof. `now`: the hybrid time here. Raises Unauthenticated,
        PermissionDenied.
        """
        text, _, mac = line.rpartition(" ")
        claim = _claim_in(text)
        if claim is None:
            raise Unauthenticated("the proof that came with the call cannot be read")
        maker = secrets.maker(mac, text, method, message)
        if maker is None:
            raise Unauthenticated(
                f"the proof that came as {as_told(claim.sender)!r} was not made for this call with"
                " the secret of this cluster"
            )
        if claim.recipient != self._self_name:
            raise PermissionDenied(
                f"the proof was made for {as_told(claim.recipient)}, and this is {self._self_name}"
            )
        age_s = ((now - claim.clock) >> COUNTER_BITS) / 1000
        if age_s > MOST_AGE_S and not may_be_old:
            raise PermissionDenied(
                f"the proof is {age_s:.0f} s old, over the limit of {MOST_AGE_S:.0f} s"
            )
        if message is None and claim.clock < self._began:
            raise PermissionDenied("the proof is from before this node was started")
        self._note(claim, now)
        return Proven(claim.sender, _answer(maker, line))

    def _note(self, claim: Claim, now: int) -> None:
        """Remember a nonce. Raises PermissionDenied if it was seen before."""
        oldest = now - (int(MOST_AGE_S * 1000) << COUNTER_BITS)
        while self._seen:
            first, clock = next(iter(self._seen.items()))
            if clock >= oldest and len(self._seen) < _MOST_REMEMBERED:
                break
            del self._seen[first]
        key = (claim.sender, claim.nonce)
        if key in self._seen:
            raise PermissionDenied("the proof came before: it is good for one call")
        self._seen[key] = claim.clock
        assert len(self._seen) <= _MOST_REMEMBERED


def _claim_in(text: str) -> Claim | None:
    words = text.split(" ")
    if len(words) != 5 or words[0] != _VERSION or not all(words) or len(words[3]) > 16:
        return None
    try:
        clock = int(words[3], 16)
    except ValueError:
        return None
    claim = Claim(words[1], words[2], clock, words[4])
    return claim if claim.text == text else None


def _mac(secret: bytes, text: str, method: str, message: bytes | None) -> str:
    digest = b"" if message is None else hashlib.sha256(message).digest()
    return _keyed(secret, text.encode(), method.encode(), digest)


def _answer(secret: bytes, line: str) -> str:
    """A proof begins with its version, and so is no answer."""
    return _keyed(secret, b"answer", line.encode())


def _keyed(secret: bytes, *parts: bytes) -> str:
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.new(secret, framed, hashlib.sha256).hexdigest()
