"""Frames under damage: a crash is told from a broken disk, and no good frame is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvcluster.storage import frames

PAYLOADS = [b"one", b"", b"\0" * 40, b"KVF1 is the magic", b"last ends in NULs\0\0\0"]
MAGICS = [frames.MAGIC, frames.MAGIC_WITH_BLOCKS, frames.MAGIC_WITH_LIVES] * len(PAYLOADS)
FILE = b"".join(map(frames.encode, PAYLOADS, MAGICS))


def borders(payloads: list[bytes]) -> list[int]:
    """Where each frame ends."""
    ends, position = [0], 0
    for payload in payloads:
        position += len(frames.encode(payload))
        ends.append(position)
    return ends


@given(st.lists(st.binary(max_size=2_000)))
def test_what_was_written_is_read(payloads: list[bytes]) -> None:
    """Any payloads, empty ones and such as hold the magic or NULs, come back."""
    data = b"".join(frames.encode(payload) for payload in payloads)
    assert frames.scan(data) == frames.Scan(payloads, len(data), torn=False, damaged=0)


def test_a_file_cut_at_any_byte_is_a_crash() -> None:
    """Each cut leaves the whole frames before it and, between frames, a torn tail."""
    ends = borders(PAYLOADS)
    for size in range(len(FILE) + 1):
        whole = max(index for index, end in enumerate(ends) if end <= size)
        scanned = frames.scan(FILE[:size])
        torn = size != ends[whole]
        assert scanned == frames.Scan(PAYLOADS[:whole], ends[whole], torn=torn, damaged=0), size


def test_any_flipped_bit_is_damage_and_costs_one_frame() -> None:
    """Wherever a bit flips, the last frame included, it is no crash, and the others are read."""
    ends = borders(PAYLOADS)
    for position in range(len(FILE)):
        frame = max(index for index, end in enumerate(ends) if end <= position)
        others = PAYLOADS[:frame] + PAYLOADS[frame + 1 :]
        for bit in range(8):
            flipped = bytearray(FILE)
            flipped[position] ^= 1 << bit
            scanned = frames.scan(bytes(flipped))
            assert (scanned.payloads, scanned.torn, scanned.damaged) == (others, False, 1), position


@pytest.mark.parametrize("value", [0x00, 0xFF])
def test_any_overwritten_byte_is_damage_too(value: int) -> None:
    """A byte that became 0x00 or 0xFF, as broken disks like to have it."""
    for position in range(len(FILE)):
        if FILE[position] != value:
            scanned = frames.scan(FILE[:position] + bytes([value]) + FILE[position + 1 :])
            assert len(scanned.payloads) == len(PAYLOADS) - 1
            assert (scanned.torn, scanned.damaged) == (False, 1), position


@pytest.mark.parametrize("payload", [bytes(2_000), b"x" * 100 + bytes(1_500)])
def test_a_flip_in_a_frame_that_ends_in_nuls_is_no_crash(payload: bytes) -> None:
    """Sectors of NULs that were really written do not make damage look like a torn write."""
    data = frames.encode(b"first") + frames.encode(payload)
    for position in range(len(frames.encode(b"first")), len(data)):
        flipped = data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :]
        scanned = frames.scan(flipped)
        assert (scanned.payloads, scanned.torn, scanned.damaged) == ([b"first"], False, 1), position


@pytest.mark.parametrize("nuls", [1, 23, 24, 511, 5_000])
def test_nuls_behind_the_last_frame_are_a_crash(nuls: int) -> None:
    """The file system kept the new length and lost the bytes."""
    scanned = frames.scan(FILE + bytes(nuls))
    assert scanned == frames.Scan(PAYLOADS, len(FILE), torn=True, damaged=0)


def test_a_frame_whose_last_sectors_are_nuls_is_a_crash() -> None:
    """Part of a frame was written, up to the border of a sector, and the rest never."""
    for offset in (0, 100, 490, 500, 511):  # the header before, across and behind a border
        first = frames.encode(b"y" * offset)
        data = first + frames.encode(b"x" * 3_000)
        start = len(first) - len(first) % 512 + 512
        for border in range(start, len(data), 512):
            torn = data[:border] + bytes(len(data) - border)
            scanned = frames.scan(torn)
            assert scanned == frames.Scan([b"y" * offset], len(first), torn=True, damaged=0), border


def test_damage_in_front_of_unwritten_nuls_is_still_damage() -> None:
    """A crash behind a broken frame hides nothing: NULs follow, but the frame was whole."""
    whole = frames.encode(b"a" * 100)
    for position in range(len(whole)):
        flipped = whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :]
        scanned = frames.scan(FILE + flipped + bytes(2_000))
        assert scanned.payloads == PAYLOADS
        assert scanned.damaged == 1, position


@pytest.mark.parametrize("garbage", [b"garbage", b"KVF1", b"KVF1" * 10, bytes(100), b"\xff" * 3000])
def test_garbage_between_frames_costs_no_frame(garbage: bytes) -> None:
    """Whatever stands between two good frames is one piece of damage."""
    one, two = frames.encode(b"one"), frames.encode(b"two")
    scanned = frames.scan(one + garbage + two)
    assert scanned == frames.Scan([b"one", b"two"], len(one + garbage + two), False, 1)


def test_garbage_behind_the_last_frame_is_damage() -> None:
    """Bytes that no write of ours can have begun with."""
    scanned = frames.scan(FILE + b"garbage")
    assert scanned == frames.Scan(PAYLOADS, len(FILE), torn=False, damaged=1)


def test_a_frame_stored_as_a_value_is_never_taken_for_one() -> None:
    """A client may store what looks like a frame; damage or a crash around it does not free it."""
    trojan = frames.encode(b"trojan")
    outer = frames.encode(b"before" + trojan + b"after")
    damaged = outer[:-1] + b"?"
    assert frames.scan(damaged + FILE).payloads == PAYLOADS
    assert frames.scan(FILE + outer[:-1]) == frames.Scan(PAYLOADS, len(FILE), True, 0)


def test_a_torn_tail_behind_damage_is_seen_as_both() -> None:
    """Then nothing may be cut: see recovery."""
    broken = bytearray(FILE)
    broken[30] ^= 1
    scanned = frames.scan(bytes(broken) + frames.encode(b"torn")[:-2])
    assert (scanned.damaged, scanned.torn) == (1, True)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_scanned(data: bytes) -> None:
    """Whatever lies there, reading it ends, and invents no frame."""
    scanned = frames.scan(data)
    assert scanned.good_bytes <= len(data)
    assert scanned.payloads == []
