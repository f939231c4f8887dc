"""Storage: what this node holds, and how its disk does.

Two durations tell a slow disk from a slow node: a commit is what a write waits for, an fsync is the
disk's part in it. Where commits are slow and fsyncs are not, the machine has no time to spare.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from kvcluster.cluster.peers.peers import Peers
from kvcluster.server.metrics.families import Labels, counter, gauge, histogram
from kvcluster.storage.store import Store

from demo_pb2 import StatusResponse


def held(status: StatusResponse, peers: Peers) -> Iterator[Metric]:
    """What is in memory, and so on disk."""
    waiting: dict[Labels, float] = {(peer.name,): 0 for peer in peers}
    waiting |= {(each.node,): each.count for each in status.tombstones_waiting}
    yield gauge("kvcluster_keys", "Live keys held here", status.keys)
    yield gauge("kvcluster_data_bytes", "Size of these keys and their values", status.size_bytes)
    yield gauge("kvcluster_held_slots", "Slots held here, of 4,096", status.replica_slots)
    yield gauge("kvcluster_primary_slots", "Slots whose primary this node is", status.primary_slots)
    yield gauge(
        "kvcluster_expiring_keys", "Live keys held here that will expire", status.expiring_keys
    )
    yield counter(
        "kvcluster_expired_keys_total", "Keys that have expired here", status.expired_keys
    )
    yield gauge(
        "kvcluster_tombstones", "Deleted or expired keys not forgotten yet", status.tombstones
    )
    yield gauge(
        "kvcluster_tombstones_waiting",
        "Tombstones of this node's primary slots that a peer has not confirmed",
        waiting,
        ["peer"],
    )
    yield gauge(
        "kvcluster_counts_for_majorities",
        "1: what this node holds counts for majorities",
        not status.abstains,
    )
    yield gauge(
        "kvcluster_promises", "Promises given that no entry has reached yet", status.promises
    )
    yield gauge("kvcluster_strays", "Entries of slots that belong to other nodes", status.strays)
    yield counter(
        "kvcluster_conflicts_total",
        "Entries that came with one version and two contents: damage somewhere",
        status.conflicts,
    )


def journal(store: Store) -> Iterator[Metric]:
    """How writes become durable."""
    written = store.journal
    yield counter(
        "kvcluster_journal_frames_total", "Groups of writes made durable", written.commits.count
    )
    yield counter("kvcluster_journal_entries_total", "Entries made durable", written.entries)
    yield counter(
        "kvcluster_journal_written_bytes_total", "Bytes of these groups", written.written_bytes
    )
    yield histogram(
        "kvcluster_journal_commit_duration_seconds",
        "How long it took to write and sync a group",
        {(): written.commits},
    )
    yield histogram(
        "kvcluster_journal_fsync_duration_seconds",
        "How long the disk took for a sync of the journal",
        {(): written.syncs},
    )
    yield gauge(
        "kvcluster_journal_size_bytes",
        "Size of the journal's files that this process wrote and still needs",
        written.written_bytes - store.checkpointer.covered_bytes,
    )
    yield counter(
        "kvcluster_refused_entries_total",
        "Entries refused for a promise, and settled afterwards",
        store.promises.refused,
    )
    yield gauge("kvcluster_disk_full", "1: the disk had no room at the last try", written.full)


def checkpoints(status: StatusResponse, store: Store) -> Iterator[Metric]:
    """How the JSON file follows."""
    checkpoints, age_s = store.checkpointer, status.checkpoint_age_s
    yield gauge(
        "kvcluster_checkpoint_age_seconds",
        "How long ago the JSON file held everything; since the start, if it never did",
        age_s if age_s >= 0 else status.uptime_s,
    )
    yield counter("kvcluster_checkpoints_total", "Checkpoints written", checkpoints.written)
    yield counter(
        "kvcluster_checkpoint_failures_total", "Checkpoints that failed", checkpoints.failed
    )
    yield gauge(
        "kvcluster_checkpoint_last_duration_seconds",
        "How long the last checkpoint took, its rests included",
        checkpoints.duration_s,
    )
    yield gauge(
        "kvcluster_checkpoint_last_size_bytes",
        "Size of the JSON file and its versions at the last checkpoint",
        checkpoints.size_bytes,
    )
