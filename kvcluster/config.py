"""Settings: the limits, intervals and budgets of a running node, with their units and reasons.

One frozen object is made at start and handed to the parts that need it; nothing reads the
environment or a global later. `server.py --set NAME=VALUE` turns any of them, which is how tests
shorten timers and how an operator adapts a node to a slow disk or network. A new field here can be
set at once, and needs a line nowhere else.

A number stands elsewhere, beside what uses it, if nobody has a choice about it (a format, a
protocol, a size that follows from one), or if it only says into how small slices work is cut that
calls wait beside. So does what a process needs before it has settings: how its log is kept from
holding it up, and how it finds out who has its port.

Rejected: a configuration file. Nodes of one cluster share their settings by being started by the
same command, and a person can see all of it in `ps`.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

KEY_CEILING_BYTES = 16 * KIB
VALUE_CEILING_BYTES = 256 * MIB
"""Limits of the protocol: no setting may allow more. What peers send is measured by them, since a
node whose own limits are smaller must still hold what others have acknowledged. Whatever got in can
be read and deleted by clients of a node that is started with its limits this high."""
ENTRIES_CEILING = 32_768
"""The same for what one message between nodes carries: a hundred times what a busy second brings,
and yet looked through within a fifth of a second."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a node. Times are seconds, sizes are bytes."""

    # What a client may store. See the limits of the protocol above.
    key_limit_bytes: int = 1024
    value_limit_bytes: int = MIB

    batch_operations: int = 1024
    batch_bytes: int = 4 * MIB
    """Most that a Batch or PutMany carries, and an answer of values. A lone one may be larger."""
    put_many_keys: int = 4096
    block_puts: int = 128
    """So many puts of one call always travel as a block (storage/block.py), fewer only if nobody
    joins. Less: smaller rounds. More: an object for each."""

    # How long things may take.
    request_timeout_s: float = 5.0
    """For a call whose client named no deadline: nothing waits for ever."""
    replication_timeout_s: float = 1.0
    """A write waits this long for a replica, once; then the replica is left to catch up."""
    scan_timeout_s: float = 60.0
    """For a Scan whose client named no deadline. It streams, so it may take longer than others."""
    pull_timeout_s: float = 5.0
    """For one page of catching up."""
    read_forward_timeout_s: float = 1.0
    """A forwarded read waits this long for one replica while there is another to ask."""
    forward_age_limit_s: float = 1.0
    """A forwarded write that was on its way for longer is refused: the network held it back, its
    client may have given up, and another write been acknowledged meanwhile. More: such a write may
    undo that one. Less: a slow network needs more attempts."""
    forward_retry_s: float = 0.05
    """Rest before all replicas are asked again, when each said that it is not ready."""
    forward_least_s: float = 0.001
    """With less time left nobody is asked again: no answer would come. Less: the loop may spin."""
    announce_s: float = 0.1
    """After Ctrl+C the standard health service says NOT_SERVING for so long before calls are
    refused. More: also balancers that ask now and then turn away in time."""
    lame_duck_quiet_s: float = 0.1
    """A node that stops goes on refusing calls until none has come for so long: who was refused
    goes elsewhere. Less: gRPC cancels some, and their callers do not know what became of them."""
    lame_duck_limit_s: float = 1.0
    """For callers that come again and again all the same."""
    drain_timeout_s: float = 5.0
    """After Ctrl+C, calls in flight get this long to end."""

    # Peers.
    heartbeat_interval_s: float = 0.5
    return_interval_s: float = 0.05
    """Between two heartbeats of a node that returns to a peer that does not count on it yet."""
    redial_interval_s: float = 0.05
    """Between two attempts to reach a peer when a connection broke: it may well live."""
    heartbeat_timeout_s: float = 1.5
    suspect_after_s: float = 1.5
    """After so much silence writes go on without a peer. As long a write waits for one that missed
    it, and answers, to hear so. Less: more false alarms on a busy host or a slow network."""
    dead_after_s: float = 3.0
    """After so much silence nobody waits for it any more, a starting node included."""
    strangers: int = 16
    """So many that are no members are told of. More: whoever poses as many fills `status`."""
    stranger_memory_s: float = 60.0
    """Each is told of for so long after its last call. More: a mended one stands there longer."""
    reconnect_backoff_s: float = 0.2
    """Ceiling for gRPC's reconnect backoff. Its default of two minutes loses a returned peer."""
    lookup_interval_s: float = 1.0
    """A name is looked up again at most so often. gRPC's default is 30 s: a node that returned
    behind a new address was found that late."""
    connect_timeout_s: float = 2.0
    """For one attempt to connect; longer than a heartbeat, so that a frozen peer is seen as silent
    and not as absent."""
    knock_timeout_s: float = 2.0
    """Where gRPC got no connection, so long an address may take to show whether anybody listens
    there. Less: on a slow network, one where nobody does is waited for as if it were silent."""
    ping_interval_s: float = 1.0
    ping_timeout_s: float = 1.5
    """A connection on which nothing came for `ping_interval_s` is pinged, and given up if the ping
    is not answered in time. TCP itself would try the old connection again and again, at intervals
    that double: after a cut of a minute two nodes found each other 47 s late."""
    tick_interval_s: float = 0.1
    pause_limit_s: float = 0.7
    """A tick this late means that the process was away (SIGSTOP, a suspended laptop), and so does a
    wall clock that runs away by this much. Less than the replication timeout: whoever slept through
    a write must know it."""

    # A gateway, and its engine.
    engine_probe_interval_s: float = 1.0
    """So often it looks whether the engine is there. More: after a failover it serves later."""
    engine_probe_timeout_s: float = 2.0
    engine_sweep_interval_s: float = 5.0
    """So often the keys of an engine are counted, and expired ones removed."""

    # Batches and pages.
    replication_batch_bytes: int = 4 * MIB
    replication_batch_entries: int = 16_384
    gather_from: int = 4
    """When so many writes wait as a round comes back, the next one waits a moment for more. Less:
    fewer and larger rounds, and those of a few clients are later. A write alone never waits."""
    gather_to: int = 16
    """With so many it waits no longer. More: batches wait for each other, and gain nothing."""
    gather_s: float = 0.003
    """The longest such moment. More: larger rounds; each write takes longer."""
    rounds_in_flight: int = 2
    """All but one of them blocks. More: they wait less for those before them, but get smaller."""
    pull_page_bytes: int = 256 * KIB
    pull_page_entries: int = 2_000
    """Most of a page of what a peer lacks, in bytes and in entries."""
    scan_page_bytes: int = 256 * KIB
    scan_page_keys: int = 1_000
    """Few enough that nobody notices a page that is made between two other requests."""
    page_looks: int = 10_000
    """So many entries are looked at for one page, of either kind, even if hardly one is wanted.
    More: each page holds other requests up for longer. Less: a peer must ask more often."""
    sync_announce_s: float = 2.0
    """Catching up that takes longer says in the log how far it is, so often."""

    # Anti-entropy: comparing what replicas hold.
    anti_entropy_interval_s: float = 30.0
    """Between two comparisons with every peer."""
    anti_entropy_jitter: float = 0.2
    """Give or take this share of it, drawn each time, or all nodes compare at the same moments."""
    anti_entropy_recheck_s: float = 2.0
    """Slots that differ are compared again after this; a busy slot always differs once."""
    anti_entropy_rest: float = 4.0
    """A comparison in the background rests this many times as long as it worked."""
    background_call_s: float = 0.1
    """No call in the background counts as more work than this: the rest is a slow way, or a peer
    that is silent, and puts off no round."""
    compare_slots: int = 256
    """Slots compared by one call: at a million keys the callee first reads 60,000 for it."""
    doubt_entries: int = 50_000
    """So many entries are really read again in each round, to find silent damage."""
    anti_entropy_request_entries: int = 8_192
    """Hashes sent in one call, 8 bytes each."""
    question_bytes: int = 2 * MIB
    question_fields: int = 16_384
    """Most that a message may have that carries no entries. The longest, digests of all slots, has
    200 KiB and 12,000 fields; 16 MiB of fields would take a second to parse."""

    # Tombstones, and entries in the wrong place.
    tombstone_interval_s: float = 5.0
    tombstone_wait_s: float = 60.0
    """From the last replica's confirmation to the drop: longer than any message can be late, that
    is, at least twice `message_age_limit_s`."""
    hold_entries: int = 1_000
    """Entries sent in one Hold or Drop."""
    hold_entries_a_round: int = 20_000
    """So many deletes at most are taken one step further in each interval."""
    hold_rest: float = 19.0
    """A round of either rests this many times as long as it worked: a twentieth of the time."""

    # Keys that have expired: how soon their values, which nobody sees any more, are let go of.
    expiry_interval_s: float = 0.1
    expiry_rest: float = 3.0
    """If there are more, it rests so many times as long as it worked. Less: others wait longer."""

    # Budgets.
    client_calls_in_flight: int = 4096
    scan_calls_in_flight: int = 256
    """Apart from other calls: a client that reads its stream slowly holds its place for long."""
    peer_calls_in_flight: int = 1024
    watch_calls_in_flight: int = 256
    """Streams that stay open for long: those who watch the standard health service."""
    streams: int = 256
    """Streams of calls at a time. Past them callers make their calls one by one, which costs twice
    as much."""
    connections: int = 10_000
    """At each address. An idle one takes about 14 KiB."""
    handshake_timeout_s: float = 5.0
    """A connection that has not become one of HTTP/2 by then is closed: a silent stranger."""
    pending_calls: int = 10_000
    """So many may wait to be looked at, or twice the calls in flight if that is more; past them
    gRPC cancels some at random. What is refused is refused by us, and told why."""
    connection_idle_s: float = 2_400.0
    """A connection without calls is closed after so long. Longer than the half hour after which
    gRPC's clients close it themselves: of a call that meets the closing nobody knows the outcome
    (one of 2,400 that were timed to meet it)."""
    connection_calls: int = 1_024
    """Calls at a time over one connection; past them a client's gRPC waits. More: who opens calls
    and resets them keeps the node busier, and peers do not hear from it."""
    slow_messages: int = 16
    slow_message_s: float = 0.1
    """So many calls may have begun for so long and not brought their message. What has come of each
    is held in memory, at most a largest message. More: more clients with slow lines may send large
    values at a time. Less: less memory for strangers to fill."""
    message_timeout_s: float = 30.0
    """How long a call may take to say what it wants."""
    no_message_s: float = 0.1
    """A call that ends without a message was mostly given up, and hears of it within this time."""
    call_bytes_in_flight: int = 64 * MIB
    """What the calls of one kind may carry together; on its way a value takes about three times its
    size in memory. Without it 4,096 values of a mebibyte would take 8 GiB."""
    open_files_interval_s: float = 5.0
    """How often the open files of this process are counted; each connection is one."""
    open_files_scarce: float = 0.9
    """From this share of its limit on the log warns. Less: sooner, and there is more time left."""

    # The page of metrics: what a stranger may cost a node by asking for it.
    metrics_connections: int = 16
    """Past them the oldest ends: a scrape takes milliseconds, so who is here longest is none."""
    metrics_connection_s: float = 10.0
    """A connection lives no longer. Prometheus itself gives up after as long by default."""
    metrics_rest_s: float = 0.02
    """Between two connections that are taken; more wait in the system's queue. So a flood of
    requests gets a small part of the time of a core, and the event loop the rest."""
    metrics_queue: int = 64
    """So many wait there; a scraper behind all of them is answered in time all the same."""
    metrics_look_s: float = 0.1
    """How often overdue connections, and the end, are looked for."""
    metrics_page_rest: float = 19.0
    """A page is given out again for this many times as long as it took to make: making pages takes
    a twentieth of the time at most."""
    metrics_page_age_s: float = 1.0
    """No page that is given out is older than this."""
    metrics_patience_s: float = 5.0
    """How long whoever asks waits for the event loop. Prometheus gives up after ten."""

    # Storage.
    checkpoint_interval_s: float = 1.0
    """The JSON file follows a write by about this much while the store is small."""
    checkpoint_duty: float = 0.05
    """Share of the time that checkpoints may work, on the event loop and in their thread; larger: a
    fresher file, slower requests."""
    checkpoint_retry_s: float = 5.0
    """After a failed checkpoint (a full disk)."""
    checkpoint_sync_bytes: int = 4 * MIB
    """The file is synced each so many bytes, so that the journal's fsync does not queue behind."""
    journal_group_bytes: int = 8 * MIB
    """Most that one group commit writes."""
    journal_probe_bytes: int = 64 * KIB
    """On a full disk, writes work again once this much can be written, and as much as failed."""
    journal_probe_interval_s: float = 0.25

    # Versions.
    clock_warn_s: float = 1.0
    clock_limit_s: float = 24 * 3600.0
    """A clock further ahead is refused: one mad clock would win every write of the others."""
    clock_keep_s: float = 6 * 3600.0
    """A node to which nobody writes writes the time down so often, for after a power cut."""
    message_age_limit_s: float = 30.0
    """A peer's message older than this is refused: a network held it back."""

    # Deciding by a majority.
    decide_patience_s: float = 0.05
    """Where a majority has answered and differs, so long the others are waited for as well."""
    decide_retry_s: float = 0.01
    """Before the first retry after a rival came first; twice as long before each further one."""
    settle_after_s: float = 60.0
    """A promise that nobody has come back for after this long is settled by who gave it."""
    settle_interval_s: float = 1.0

    log_rate_per_s: float = 20.0
    log_burst: int = 200

    @property
    def message_limit_bytes(self) -> int:
        """Largest gRPC message, either way: a full batch, or one value of the largest size."""
        return message_limit_for(self.value_limit_bytes)

    @property
    def answer_value_bytes(self) -> int:
        """Largest value that an answer can carry; one that came in under larger limits cannot."""
        return self.message_limit_bytes - MIB


def message_limit_for(value_limit_bytes: int) -> int:
    """Largest gRPC message of a node that takes values of this size."""
    return max(16 * MIB, 2 * value_limit_bytes + MIB)
