from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    SERVING: _ClassVar[Status]
    NOT_SERVING: _ClassVar[Status]
    STARTING: _ClassVar[Status]
    SYNCING: _ClassVar[Status]
    DRAINING: _ClassVar[Status]
STATUS_UNSPECIFIED: Status
SERVING: Status
NOT_SERVING: Status
STARTING: Status
SYNCING: Status
DRAINING: Status

class PutRequest(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class PutResponse(_message.Message):
    __slots__ = ("version", "replicas", "acknowledged", "served_by")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    SERVED_BY_FIELD_NUMBER: _ClassVar[int]
    version: bytes
    replicas: int
    acknowledged: int
    served_by: str
    def __init__(self, version: _Optional[bytes] = ..., replicas: _Optional[int] = ..., acknowledged: _Optional[int] = ..., served_by: _Optional[str] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class GetResponse(_message.Message):
    __slots__ = ("found", "value", "version", "served_by")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVED_BY_FIELD_NUMBER: _ClassVar[int]
    found: bool
    value: str
    version: bytes
    served_by: str
    def __init__(self, found: bool = ..., value: _Optional[str] = ..., version: _Optional[bytes] = ..., served_by: _Optional[str] = ...) -> None: ...

class DeleteRequest(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class DeleteResponse(_message.Message):
    __slots__ = ("found", "version", "replicas", "acknowledged", "served_by")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    SERVED_BY_FIELD_NUMBER: _ClassVar[int]
    found: bool
    version: bytes
    replicas: int
    acknowledged: int
    served_by: str
    def __init__(self, found: bool = ..., version: _Optional[bytes] = ..., replicas: _Optional[int] = ..., acknowledged: _Optional[int] = ..., served_by: _Optional[str] = ...) -> None: ...

class HealthCheckRequest(_message.Message):
    __slots__ = ("sender",)
    SENDER_FIELD_NUMBER: _ClassVar[int]
    sender: Heartbeat
    def __init__(self, sender: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class HealthCheckResponse(_message.Message):
    __slots__ = ("status", "node", "keys", "peers", "responder", "reason")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    RESPONDER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    status: Status
    node: str
    keys: int
    peers: _containers.RepeatedCompositeFieldContainer[PeerState]
    responder: Heartbeat
    reason: str
    def __init__(self, status: _Optional[_Union[Status, str]] = ..., node: _Optional[str] = ..., keys: _Optional[int] = ..., peers: _Optional[_Iterable[_Union[PeerState, _Mapping]]] = ..., responder: _Optional[_Union[Heartbeat, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class PeerState(_message.Message):
    __slots__ = ("node", "state")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[PeerState.State]
        ALIVE: _ClassVar[PeerState.State]
        BEHIND: _ClassVar[PeerState.State]
        DOWN: _ClassVar[PeerState.State]
    UNKNOWN: PeerState.State
    ALIVE: PeerState.State
    BEHIND: PeerState.State
    DOWN: PeerState.State
    NODE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    node: str
    state: PeerState.State
    def __init__(self, node: _Optional[str] = ..., state: _Optional[_Union[PeerState.State, str]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("node", "incarnation", "clock", "status", "missed_since")
    NODE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MISSED_SINCE_FIELD_NUMBER: _ClassVar[int]
    node: str
    incarnation: int
    clock: int
    status: Status
    missed_since: bytes
    def __init__(self, node: _Optional[str] = ..., incarnation: _Optional[int] = ..., clock: _Optional[int] = ..., status: _Optional[_Union[Status, str]] = ..., missed_since: _Optional[bytes] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("key", "value", "deleted", "version")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    deleted: bool
    version: bytes
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ..., deleted: bool = ..., version: _Optional[bytes] = ...) -> None: ...

class ReplicateRequest(_message.Message):
    __slots__ = ("sender", "clock", "entries")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class ReplicateResponse(_message.Message):
    __slots__ = ("clock", "superseded")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    clock: int
    superseded: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, clock: _Optional[int] = ..., superseded: _Optional[_Iterable[int]] = ...) -> None: ...

class Cursor(_message.Message):
    __slots__ = ("slot", "after_key")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    AFTER_KEY_FIELD_NUMBER: _ClassVar[int]
    slot: int
    after_key: str
    def __init__(self, slot: _Optional[int] = ..., after_key: _Optional[str] = ...) -> None: ...

class PullRequest(_message.Message):
    __slots__ = ("sender", "clock", "since", "cursor")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    since: bytes
    cursor: Cursor
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., since: _Optional[bytes] = ..., cursor: _Optional[_Union[Cursor, _Mapping]] = ...) -> None: ...

class PullResponse(_message.Message):
    __slots__ = ("clock", "entries", "next", "mark", "held")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    clock: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    next: Cursor
    mark: int
    held: int
    def __init__(self, clock: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., next: _Optional[_Union[Cursor, _Mapping]] = ..., mark: _Optional[int] = ..., held: _Optional[int] = ...) -> None: ...

class ConfirmPullRequest(_message.Message):
    __slots__ = ("sender", "clock", "mark")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    mark: int
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., mark: _Optional[int] = ...) -> None: ...

class ConfirmPullResponse(_message.Message):
    __slots__ = ("clock", "cleared")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CLEARED_FIELD_NUMBER: _ClassVar[int]
    clock: int
    cleared: bool
    def __init__(self, clock: _Optional[int] = ..., cleared: bool = ...) -> None: ...

class MissedWrites(_message.Message):
    __slots__ = ("peer", "since")
    PEER_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    peer: str
    since: bytes
    def __init__(self, peer: _Optional[str] = ..., since: _Optional[bytes] = ...) -> None: ...

class JournalFrame(_message.Message):
    __slots__ = ("clock", "entries", "notes")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    clock: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    notes: _containers.RepeatedCompositeFieldContainer[MissedWrites]
    def __init__(self, clock: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., notes: _Optional[_Iterable[_Union[MissedWrites, _Mapping]]] = ...) -> None: ...

class VersionsFrame(_message.Message):
    __slots__ = ("versions", "hashes", "tombstones", "footer")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONES_FIELD_NUMBER: _ClassVar[int]
    FOOTER_FIELD_NUMBER: _ClassVar[int]
    versions: bytes
    hashes: bytes
    tombstones: _containers.RepeatedCompositeFieldContainer[Entry]
    footer: VersionsFooter
    def __init__(self, versions: _Optional[bytes] = ..., hashes: _Optional[bytes] = ..., tombstones: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., footer: _Optional[_Union[VersionsFooter, _Mapping]] = ...) -> None: ...

class VersionsFooter(_message.Message):
    __slots__ = ("json_hash", "pairs", "clock", "segment", "notes", "incomplete")
    JSON_HASH_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    json_hash: bytes
    pairs: int
    clock: int
    segment: int
    notes: _containers.RepeatedCompositeFieldContainer[MissedWrites]
    incomplete: str
    def __init__(self, json_hash: _Optional[bytes] = ..., pairs: _Optional[int] = ..., clock: _Optional[int] = ..., segment: _Optional[int] = ..., notes: _Optional[_Iterable[_Union[MissedWrites, _Mapping]]] = ..., incomplete: _Optional[str] = ...) -> None: ...
