"""Coming back: with an empty folder, after long, after many writes; catching up needs nobody."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from tests.processes.cluster import Cluster, exactly
from tests.processes.harness import Server, eventually
from tests.processes.load import Load, read


def test_node_with_an_empty_folder_refills_before_it_serves(five: Cluster) -> None:
    """From its first answer on, no read through it misses a key, and its file fills by itself."""
    victim, other = five[0], five[1]
    keys = list(islice(five.keys_on(victim, prefix="refill"), 100))
    for key in keys:
        other.put(key, "v")
    victim.kill()
    victim.lose_folder()
    victim.start()
    eventually(lambda: victim.health().node == victim.name, "it listens")
    assert [read(victim, key, timeout_s=10) for key in keys] == ["v"] * len(keys)
    five.wait_whole()
    assert {victim.get(key).served_by for key in keys} == {victim.name}
    five.wait_equal(exactly(dict.fromkeys(keys, "v"), "refill/"))


def test_restarted_node_never_answers_with_what_was_overwritten(cluster: Cluster) -> None:
    """Under load, a node that is back and serves is one that every writer counts on again."""
    with Load(cluster.servers, "again", threads=4, reads=0.6) as load:
        for victim in cluster:
            load.goes_on(50)
            victim.kill()
            load.goes_on(50)
            victim.start()
            cluster.wait_whole()
    load.assert_kept(cluster.servers)
    assert load.tally.judged > 100


def test_delete_outlasts_every_timer_while_a_node_is_away(five: Cluster) -> None:
    """The tombstones wait for the absent node, say so, hold after its return, and then go."""
    away, others = five[0], five.servers[1:]
    keys = list(islice(five.keys_on(away, prefix="led by who is away"), 5))
    keys += islice(five.keys_on(five[1], away, prefix="led by another"), 5)
    kept = "led by who is away/kept"
    for key in [*keys, kept]:
        away.put(key, "v")
    away.interrupt()
    for key in keys:
        assert five[1].delete(key).found
    eventually(lambda: waiting(five[1], away) >= 5, "the primary's tombstones wait for it")
    started_s = time.monotonic()
    # The wait is 1 s here, and a replica offers a tombstone to its primary again after 2 s.
    eventually(lambda: time.monotonic() > started_s + 3.5, "every timer has run out")
    assert waiting(five[1], away) >= 5
    assert sum(server.status().tombstones for server in others) >= 2 * len(keys)
    away.start()
    five.wait_whole()
    for server in five:
        assert {read(server, key) for key in keys} == {None}
    eventually(lambda: [server.status().tombstones for server in five] == [0] * 5, "all are gone")
    assert [waiting(server, away) for server in others] == [0] * 4
    assert {read(server, key) for key in keys for server in five} == {None}
    five.wait_equal(exactly({kept: "v"}, "led by"))


def waiting(server: Server, absent: Server) -> int:
    """How many tombstones a server says to wait for another."""
    return sum(w.count for w in server.status().tombstones_waiting if w.node == absent.name)


def test_catching_up_costs_what_was_missed(unstarted: Cluster) -> None:
    """Of 20,000 keys a node that missed 1,000 writes fetches about 1,000, not the store."""
    pairs = {f"key{number:05}": "value" for number in range(20_000)}
    for server in unstarted:
        server.json_path.write_text(json.dumps(pairs), encoding="utf-8")
    unstarted.start()
    writer, away = unstarted[0], unstarted[2]
    assert away.health().keys == 20_000
    away.interrupt()
    missed = dict.fromkeys(list(pairs)[::20], "written meanwhile")
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda key: writer.put(key, missed[key]).acknowledged == 2, missed))
    since = len(away.log())
    away.start()
    unstarted.wait_whole()
    assert {away.get(key).value for key in missed} == {"written meanwhile"}
    fetched = [entries for entries, _ in caught_up(away.log(since))]
    assert 1_000 <= sum(fetched) <= 1_100, fetched
    assert sum(size_kib for _, size_kib in caught_up(away.log(since))) < 200
    assert away.health().keys == 20_000


def caught_up(log: str) -> list[tuple[int, float]]:
    """Entries and KiB of every time that a node caught up with another, from its log."""
    lines = re.findall(r"SYNC  caught up with \S+: ([\d,]+) entr\w+ \(([\d,.]+) KiB\)", log)
    return [(int(count.replace(",", "")), float(kib.replace(",", ""))) for count, kib in lines]
