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
    __slots__ = ("key", "value", "condition", "ttl_ms", "expires_ms")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    TTL_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    condition: Condition
    ttl_ms: int
    expires_ms: int
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ..., condition: _Optional[_Union[Condition, _Mapping]] = ..., ttl_ms: _Optional[int] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("absent", "exists", "version", "value", "none")
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    NONE_FIELD_NUMBER: _ClassVar[int]
    absent: bool
    exists: bool
    version: bytes
    value: str
    none: bool
    def __init__(self, absent: bool = ..., exists: bool = ..., version: _Optional[bytes] = ..., value: _Optional[str] = ..., none: bool = ...) -> None: ...

class Mismatch(_message.Message):
    __slots__ = ("found", "value", "version", "expires_ms")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    found: bool
    value: str
    version: bytes
    expires_ms: int
    def __init__(self, found: bool = ..., value: _Optional[str] = ..., version: _Optional[bytes] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class PutResponse(_message.Message):
    __slots__ = ("version", "replicas", "acknowledged", "served_by", "mismatch")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    SERVED_BY_FIELD_NUMBER: _ClassVar[int]
    MISMATCH_FIELD_NUMBER: _ClassVar[int]
    version: bytes
    replicas: int
    acknowledged: int
    served_by: str
    mismatch: Mismatch
    def __init__(self, version: _Optional[bytes] = ..., replicas: _Optional[int] = ..., acknowledged: _Optional[int] = ..., served_by: _Optional[str] = ..., mismatch: _Optional[_Union[Mismatch, _Mapping]] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("key", "linearizable")
    KEY_FIELD_NUMBER: _ClassVar[int]
    LINEARIZABLE_FIELD_NUMBER: _ClassVar[int]
    key: str
    linearizable: bool
    def __init__(self, key: _Optional[str] = ..., linearizable: bool = ...) -> None: ...

class GetResponse(_message.Message):
    __slots__ = ("found", "value", "version", "served_by", "expires_ms")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVED_BY_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    found: bool
    value: str
    version: bytes
    served_by: str
    expires_ms: int
    def __init__(self, found: bool = ..., value: _Optional[str] = ..., version: _Optional[bytes] = ..., served_by: _Optional[str] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class DeleteRequest(_message.Message):
    __slots__ = ("key", "condition")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    key: str
    condition: Condition
    def __init__(self, key: _Optional[str] = ..., condition: _Optional[_Union[Condition, _Mapping]] = ...) -> None: ...

class DeleteResponse(_message.Message):
    __slots__ = ("found", "version", "replicas", "acknowledged", "served_by", "mismatch")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    SERVED_BY_FIELD_NUMBER: _ClassVar[int]
    MISMATCH_FIELD_NUMBER: _ClassVar[int]
    found: bool
    version: bytes
    replicas: int
    acknowledged: int
    served_by: str
    mismatch: Mismatch
    def __init__(self, found: bool = ..., version: _Optional[bytes] = ..., replicas: _Optional[int] = ..., acknowledged: _Optional[int] = ..., served_by: _Optional[str] = ..., mismatch: _Optional[_Union[Mismatch, _Mapping]] = ...) -> None: ...

class Operation(_message.Message):
    __slots__ = ("put", "get", "delete")
    PUT_FIELD_NUMBER: _ClassVar[int]
    GET_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    put: PutRequest
    get: GetRequest
    delete: DeleteRequest
    def __init__(self, put: _Optional[_Union[PutRequest, _Mapping]] = ..., get: _Optional[_Union[GetRequest, _Mapping]] = ..., delete: _Optional[_Union[DeleteRequest, _Mapping]] = ...) -> None: ...

class BatchRequest(_message.Message):
    __slots__ = ("operations",)
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    operations: _containers.RepeatedCompositeFieldContainer[Operation]
    def __init__(self, operations: _Optional[_Iterable[_Union[Operation, _Mapping]]] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("code", "message", "nothing_written", "reason", "value_limit_bytes", "version")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NOTHING_WRITTEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    VALUE_LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    nothing_written: bool
    reason: str
    value_limit_bytes: int
    version: bytes
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ..., nothing_written: bool = ..., reason: _Optional[str] = ..., value_limit_bytes: _Optional[int] = ..., version: _Optional[bytes] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("put", "get", "delete", "failure")
    PUT_FIELD_NUMBER: _ClassVar[int]
    GET_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    put: PutResponse
    get: GetResponse
    delete: DeleteResponse
    failure: Failure
    def __init__(self, put: _Optional[_Union[PutResponse, _Mapping]] = ..., get: _Optional[_Union[GetResponse, _Mapping]] = ..., delete: _Optional[_Union[DeleteResponse, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ...) -> None: ...

class BatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[Result]
    def __init__(self, results: _Optional[_Iterable[_Union[Result, _Mapping]]] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("first_version", "keys", "values")
    FIRST_VERSION_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    first_version: bytes
    keys: _containers.RepeatedScalarFieldContainer[str]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, first_version: _Optional[bytes] = ..., keys: _Optional[_Iterable[str]] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class PutManyRequest(_message.Message):
    __slots__ = ("block",)
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    block: Block
    def __init__(self, block: _Optional[_Union[Block, _Mapping]] = ...) -> None: ...

class PutManyResponse(_message.Message):
    __slots__ = ("first_version", "replicas", "acknowledged", "served_by", "exceptions")
    FIRST_VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    SERVED_BY_FIELD_NUMBER: _ClassVar[int]
    EXCEPTIONS_FIELD_NUMBER: _ClassVar[int]
    first_version: bytes
    replicas: int
    acknowledged: int
    served_by: str
    exceptions: _containers.RepeatedCompositeFieldContainer[PutException]
    def __init__(self, first_version: _Optional[bytes] = ..., replicas: _Optional[int] = ..., acknowledged: _Optional[int] = ..., served_by: _Optional[str] = ..., exceptions: _Optional[_Iterable[_Union[PutException, _Mapping]]] = ...) -> None: ...

class PutException(_message.Message):
    __slots__ = ("place", "result")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    place: int
    result: Result
    def __init__(self, place: _Optional[int] = ..., result: _Optional[_Union[Result, _Mapping]] = ...) -> None: ...

class ScanRequest(_message.Message):
    __slots__ = ("prefix", "start_after", "limit", "keys_only")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    START_AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    KEYS_ONLY_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    start_after: str
    limit: int
    keys_only: bool
    def __init__(self, prefix: _Optional[str] = ..., start_after: _Optional[str] = ..., limit: _Optional[int] = ..., keys_only: bool = ...) -> None: ...

class Pair(_message.Message):
    __slots__ = ("key", "value", "expires_ms")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    expires_ms: int
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class ScanResponse(_message.Message):
    __slots__ = ("pairs", "missing_slots", "missing_nodes")
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    MISSING_SLOTS_FIELD_NUMBER: _ClassVar[int]
    MISSING_NODES_FIELD_NUMBER: _ClassVar[int]
    pairs: _containers.RepeatedCompositeFieldContainer[Pair]
    missing_slots: int
    missing_nodes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pairs: _Optional[_Iterable[_Union[Pair, _Mapping]]] = ..., missing_slots: _Optional[int] = ..., missing_nodes: _Optional[_Iterable[str]] = ...) -> None: ...

class CallsRequest(_message.Message):
    __slots__ = ("calls",)
    CALLS_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedCompositeFieldContainer[Call]
    def __init__(self, calls: _Optional[_Iterable[_Union[Call, _Mapping]]] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ("id", "method", "request", "timeout_ms", "cancel", "now_ms")
    ID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    id: int
    method: str
    request: bytes
    timeout_ms: int
    cancel: bool
    now_ms: int
    def __init__(self, id: _Optional[int] = ..., method: _Optional[str] = ..., request: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ..., cancel: bool = ..., now_ms: _Optional[int] = ...) -> None: ...

class CallsResponse(_message.Message):
    __slots__ = ("answers", "goodbye", "now_ms")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[CallAnswer]
    goodbye: Goodbye
    now_ms: int
    def __init__(self, answers: _Optional[_Iterable[_Union[CallAnswer, _Mapping]]] = ..., goodbye: _Optional[_Union[Goodbye, _Mapping]] = ..., now_ms: _Optional[int] = ...) -> None: ...

class CallAnswer(_message.Message):
    __slots__ = ("id", "response", "failure")
    ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    id: int
    response: bytes
    failure: Failure
    def __init__(self, id: _Optional[int] = ..., response: _Optional[bytes] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ("last",)
    LAST_FIELD_NUMBER: _ClassVar[int]
    last: int
    def __init__(self, last: _Optional[int] = ...) -> None: ...

class HealthCheckRequest(_message.Message):
    __slots__ = ("sender",)
    SENDER_FIELD_NUMBER: _ClassVar[int]
    sender: Heartbeat
    def __init__(self, sender: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class HealthCheckResponse(_message.Message):
    __slots__ = ("status", "node", "keys", "peers", "responder", "reason", "sync", "decides", "too_old", "engine")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    RESPONDER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    DECIDES_FIELD_NUMBER: _ClassVar[int]
    TOO_OLD_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    status: Status
    node: str
    keys: int
    peers: _containers.RepeatedCompositeFieldContainer[PeerState]
    responder: Heartbeat
    reason: str
    sync: Progress
    decides: bool
    too_old: _containers.RepeatedScalarFieldContainer[str]
    engine: str
    def __init__(self, status: _Optional[_Union[Status, str]] = ..., node: _Optional[str] = ..., keys: _Optional[int] = ..., peers: _Optional[_Iterable[_Union[PeerState, _Mapping]]] = ..., responder: _Optional[_Union[Heartbeat, _Mapping]] = ..., reason: _Optional[str] = ..., sync: _Optional[_Union[Progress, _Mapping]] = ..., decides: bool = ..., too_old: _Optional[_Iterable[str]] = ..., engine: _Optional[str] = ...) -> None: ...

class PeerState(_message.Message):
    __slots__ = ("node", "state", "lagging")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[PeerState.State]
        ALIVE: _ClassVar[PeerState.State]
        SUSPECT: _ClassVar[PeerState.State]
        DEAD: _ClassVar[PeerState.State]
    UNKNOWN: PeerState.State
    ALIVE: PeerState.State
    SUSPECT: PeerState.State
    DEAD: PeerState.State
    NODE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LAGGING_FIELD_NUMBER: _ClassVar[int]
    node: str
    state: PeerState.State
    lagging: bool
    def __init__(self, node: _Optional[str] = ..., state: _Optional[_Union[PeerState.State, str]] = ..., lagging: bool = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("source", "entries", "about")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    source: str
    entries: int
    about: int
    def __init__(self, source: _Optional[str] = ..., entries: _Optional[int] = ..., about: _Optional[int] = ...) -> None: ...

class Configuration(_message.Message):
    __slots__ = ("members", "replicas", "slots", "key_limit_bytes", "value_limit_bytes", "message_age_limit_s", "tombstone_wait_s")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    KEY_LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    VALUE_LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_AGE_LIMIT_S_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONE_WAIT_S_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedScalarFieldContainer[str]
    replicas: int
    slots: int
    key_limit_bytes: int
    value_limit_bytes: int
    message_age_limit_s: float
    tombstone_wait_s: float
    def __init__(self, members: _Optional[_Iterable[str]] = ..., replicas: _Optional[int] = ..., slots: _Optional[int] = ..., key_limit_bytes: _Optional[int] = ..., value_limit_bytes: _Optional[int] = ..., message_age_limit_s: _Optional[float] = ..., tombstone_wait_s: _Optional[float] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("node", "incarnation", "clock", "status", "missed_since", "configuration", "takes_blocks", "decides", "wall_ms", "undecided", "votes", "noted")
    NODE_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MISSED_SINCE_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    TAKES_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    DECIDES_FIELD_NUMBER: _ClassVar[int]
    WALL_MS_FIELD_NUMBER: _ClassVar[int]
    UNDECIDED_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    NOTED_FIELD_NUMBER: _ClassVar[int]
    node: str
    incarnation: int
    clock: int
    status: Status
    missed_since: bytes
    configuration: Configuration
    takes_blocks: bool
    decides: bool
    wall_ms: int
    undecided: bool
    votes: bool
    noted: bool
    def __init__(self, node: _Optional[str] = ..., incarnation: _Optional[int] = ..., clock: _Optional[int] = ..., status: _Optional[_Union[Status, str]] = ..., missed_since: _Optional[bytes] = ..., configuration: _Optional[_Union[Configuration, _Mapping]] = ..., takes_blocks: bool = ..., decides: bool = ..., wall_ms: _Optional[int] = ..., undecided: bool = ..., votes: bool = ..., noted: bool = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StatusResponse(_message.Message):
    __slots__ = ("node", "status", "reason", "incarnation", "uptime_s", "configuration", "primary_slots", "replica_slots", "keys", "size_bytes", "tombstones", "strays", "members", "tombstones_waiting", "sync", "checkpoint_age_s", "checkpoint_error", "fsync", "conflicts", "clock_alarms", "traffic", "writes_waiting", "disk_full", "expiring_keys", "expired_keys", "abstains", "promises", "engine")
    NODE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    UPTIME_S_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_SLOTS_FIELD_NUMBER: _ClassVar[int]
    REPLICA_SLOTS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONES_FIELD_NUMBER: _ClassVar[int]
    STRAYS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONES_WAITING_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_AGE_S_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ERROR_FIELD_NUMBER: _ClassVar[int]
    FSYNC_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_ALARMS_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_FIELD_NUMBER: _ClassVar[int]
    WRITES_WAITING_FIELD_NUMBER: _ClassVar[int]
    DISK_FULL_FIELD_NUMBER: _ClassVar[int]
    EXPIRING_KEYS_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_KEYS_FIELD_NUMBER: _ClassVar[int]
    ABSTAINS_FIELD_NUMBER: _ClassVar[int]
    PROMISES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    node: str
    status: Status
    reason: str
    incarnation: int
    uptime_s: float
    configuration: Configuration
    primary_slots: int
    replica_slots: int
    keys: int
    size_bytes: int
    tombstones: int
    strays: int
    members: _containers.RepeatedCompositeFieldContainer[MemberStatus]
    tombstones_waiting: _containers.RepeatedCompositeFieldContainer[Waiting]
    sync: Progress
    checkpoint_age_s: float
    checkpoint_error: str
    fsync: bool
    conflicts: int
    clock_alarms: int
    traffic: Traffic
    writes_waiting: int
    disk_full: bool
    expiring_keys: int
    expired_keys: int
    abstains: str
    promises: int
    engine: EngineStatus
    def __init__(self, node: _Optional[str] = ..., status: _Optional[_Union[Status, str]] = ..., reason: _Optional[str] = ..., incarnation: _Optional[int] = ..., uptime_s: _Optional[float] = ..., configuration: _Optional[_Union[Configuration, _Mapping]] = ..., primary_slots: _Optional[int] = ..., replica_slots: _Optional[int] = ..., keys: _Optional[int] = ..., size_bytes: _Optional[int] = ..., tombstones: _Optional[int] = ..., strays: _Optional[int] = ..., members: _Optional[_Iterable[_Union[MemberStatus, _Mapping]]] = ..., tombstones_waiting: _Optional[_Iterable[_Union[Waiting, _Mapping]]] = ..., sync: _Optional[_Union[Progress, _Mapping]] = ..., checkpoint_age_s: _Optional[float] = ..., checkpoint_error: _Optional[str] = ..., fsync: bool = ..., conflicts: _Optional[int] = ..., clock_alarms: _Optional[int] = ..., traffic: _Optional[_Union[Traffic, _Mapping]] = ..., writes_waiting: _Optional[int] = ..., disk_full: bool = ..., expiring_keys: _Optional[int] = ..., expired_keys: _Optional[int] = ..., abstains: _Optional[str] = ..., promises: _Optional[int] = ..., engine: _Optional[_Union[EngineStatus, _Mapping]] = ...) -> None: ...

class EngineStatus(_message.Message):
    __slots__ = ("kind", "version", "members", "trouble")
    KIND_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    version: str
    members: _containers.RepeatedCompositeFieldContainer[EngineMember]
    trouble: str
    def __init__(self, kind: _Optional[str] = ..., version: _Optional[str] = ..., members: _Optional[_Iterable[_Union[EngineMember, _Mapping]]] = ..., trouble: _Optional[str] = ...) -> None: ...

class EngineMember(_message.Message):
    __slots__ = ("name", "role", "reachable", "detail")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    REACHABLE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    name: str
    role: str
    reachable: bool
    detail: str
    def __init__(self, name: _Optional[str] = ..., role: _Optional[str] = ..., reachable: bool = ..., detail: _Optional[str] = ...) -> None: ...

class Traffic(_message.Message):
    __slots__ = ("methods", "within_s", "puts", "gets", "deletes", "batch_failures")
    class BatchFailuresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    METHODS_FIELD_NUMBER: _ClassVar[int]
    WITHIN_S_FIELD_NUMBER: _ClassVar[int]
    PUTS_FIELD_NUMBER: _ClassVar[int]
    GETS_FIELD_NUMBER: _ClassVar[int]
    DELETES_FIELD_NUMBER: _ClassVar[int]
    BATCH_FAILURES_FIELD_NUMBER: _ClassVar[int]
    methods: _containers.RepeatedCompositeFieldContainer[MethodTraffic]
    within_s: _containers.RepeatedScalarFieldContainer[float]
    puts: int
    gets: int
    deletes: int
    batch_failures: _containers.ScalarMap[int, int]
    def __init__(self, methods: _Optional[_Iterable[_Union[MethodTraffic, _Mapping]]] = ..., within_s: _Optional[_Iterable[float]] = ..., puts: _Optional[int] = ..., gets: _Optional[int] = ..., deletes: _Optional[int] = ..., batch_failures: _Optional[_Mapping[int, int]] = ...) -> None: ...

class MethodTraffic(_message.Message):
    __slots__ = ("method", "calls", "durations", "total_s")
    class CallsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    DURATIONS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_S_FIELD_NUMBER: _ClassVar[int]
    method: str
    calls: _containers.ScalarMap[int, int]
    durations: _containers.RepeatedScalarFieldContainer[int]
    total_s: float
    def __init__(self, method: _Optional[str] = ..., calls: _Optional[_Mapping[int, int]] = ..., durations: _Optional[_Iterable[int]] = ..., total_s: _Optional[float] = ...) -> None: ...

class MemberStatus(_message.Message):
    __slots__ = ("state", "since_s", "silent_s", "said", "said_reason", "said_keys", "missed", "missed_since", "shared_slots", "refusal", "writes_in_flight", "behind_s")
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_S_FIELD_NUMBER: _ClassVar[int]
    SILENT_S_FIELD_NUMBER: _ClassVar[int]
    SAID_FIELD_NUMBER: _ClassVar[int]
    SAID_REASON_FIELD_NUMBER: _ClassVar[int]
    SAID_KEYS_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    MISSED_SINCE_FIELD_NUMBER: _ClassVar[int]
    SHARED_SLOTS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    WRITES_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    BEHIND_S_FIELD_NUMBER: _ClassVar[int]
    state: PeerState
    since_s: float
    silent_s: float
    said: Status
    said_reason: str
    said_keys: int
    missed: int
    missed_since: bytes
    shared_slots: int
    refusal: str
    writes_in_flight: int
    behind_s: float
    def __init__(self, state: _Optional[_Union[PeerState, _Mapping]] = ..., since_s: _Optional[float] = ..., silent_s: _Optional[float] = ..., said: _Optional[_Union[Status, str]] = ..., said_reason: _Optional[str] = ..., said_keys: _Optional[int] = ..., missed: _Optional[int] = ..., missed_since: _Optional[bytes] = ..., shared_slots: _Optional[int] = ..., refusal: _Optional[str] = ..., writes_in_flight: _Optional[int] = ..., behind_s: _Optional[float] = ...) -> None: ...

class Waiting(_message.Message):
    __slots__ = ("node", "count")
    NODE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    node: str
    count: int
    def __init__(self, node: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class LocateRequest(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class LocateResponse(_message.Message):
    __slots__ = ("slot", "replicas", "node", "engine")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    slot: int
    replicas: _containers.RepeatedCompositeFieldContainer[PeerState]
    node: str
    engine: str
    def __init__(self, slot: _Optional[int] = ..., replicas: _Optional[_Iterable[_Union[PeerState, _Mapping]]] = ..., node: _Optional[str] = ..., engine: _Optional[str] = ...) -> None: ...

class ForwardRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "put", "get", "delete", "batch", "name", "age_limit_ms")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    PUT_FIELD_NUMBER: _ClassVar[int]
    GET_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AGE_LIMIT_MS_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    put: PutRequest
    get: GetRequest
    delete: DeleteRequest
    batch: BatchRequest
    name: str
    age_limit_ms: int
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., put: _Optional[_Union[PutRequest, _Mapping]] = ..., get: _Optional[_Union[GetRequest, _Mapping]] = ..., delete: _Optional[_Union[DeleteRequest, _Mapping]] = ..., batch: _Optional[_Union[BatchRequest, _Mapping]] = ..., name: _Optional[str] = ..., age_limit_ms: _Optional[int] = ...) -> None: ...

class ForwardResponse(_message.Message):
    __slots__ = ("clock", "put", "get", "delete", "batch")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    PUT_FIELD_NUMBER: _ClassVar[int]
    GET_FIELD_NUMBER: _ClassVar[int]
    DELETE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    clock: int
    put: PutResponse
    get: GetResponse
    delete: DeleteResponse
    batch: BatchResponse
    def __init__(self, clock: _Optional[int] = ..., put: _Optional[_Union[PutResponse, _Mapping]] = ..., get: _Optional[_Union[GetResponse, _Mapping]] = ..., delete: _Optional[_Union[DeleteResponse, _Mapping]] = ..., batch: _Optional[_Union[BatchResponse, _Mapping]] = ...) -> None: ...

class ScanPartRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "scan", "slot_bits")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    SCAN_FIELD_NUMBER: _ClassVar[int]
    SLOT_BITS_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    scan: ScanRequest
    slot_bits: bytes
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., scan: _Optional[_Union[ScanRequest, _Mapping]] = ..., slot_bits: _Optional[bytes] = ...) -> None: ...

class ScanPartResponse(_message.Message):
    __slots__ = ("clock", "pairs", "up_to")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    UP_TO_FIELD_NUMBER: _ClassVar[int]
    clock: int
    pairs: _containers.RepeatedCompositeFieldContainer[Pair]
    up_to: str
    def __init__(self, clock: _Optional[int] = ..., pairs: _Optional[_Iterable[_Union[Pair, _Mapping]]] = ..., up_to: _Optional[str] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("key", "value", "deleted", "version", "expires_ms")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    deleted: bool
    version: bytes
    expires_ms: int
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ..., deleted: bool = ..., version: _Optional[bytes] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class ReplicateRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "entries", "missed", "block")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    missed: _containers.RepeatedCompositeFieldContainer[MissedWrites]
    block: Block
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., missed: _Optional[_Iterable[_Union[MissedWrites, _Mapping]]] = ..., block: _Optional[_Union[Block, _Mapping]] = ...) -> None: ...

class ReplicateResponse(_message.Message):
    __slots__ = ("clock", "superseded", "block", "refused", "decided", "votes")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    clock: int
    superseded: _containers.RepeatedScalarFieldContainer[int]
    block: int
    refused: _containers.RepeatedScalarFieldContainer[int]
    decided: _containers.RepeatedScalarFieldContainer[int]
    votes: bool
    def __init__(self, clock: _Optional[int] = ..., superseded: _Optional[_Iterable[int]] = ..., block: _Optional[int] = ..., refused: _Optional[_Iterable[int]] = ..., decided: _Optional[_Iterable[int]] = ..., votes: bool = ...) -> None: ...

class Cursor(_message.Message):
    __slots__ = ("slot", "after_key")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    AFTER_KEY_FIELD_NUMBER: _ClassVar[int]
    slot: int
    after_key: str
    def __init__(self, slot: _Optional[int] = ..., after_key: _Optional[str] = ...) -> None: ...

class SlotDigest(_message.Message):
    __slots__ = ("slot", "digest")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    slot: int
    digest: int
    def __init__(self, slot: _Optional[int] = ..., digest: _Optional[int] = ...) -> None: ...

class SlotHashes(_message.Message):
    __slots__ = ("slot", "hashes")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    slot: int
    hashes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, slot: _Optional[int] = ..., hashes: _Optional[_Iterable[int]] = ...) -> None: ...

class PullRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "since", "cursor", "known")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    since: bytes
    cursor: Cursor
    known: _containers.RepeatedCompositeFieldContainer[SlotDigest]
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., since: _Optional[bytes] = ..., cursor: _Optional[_Union[Cursor, _Mapping]] = ..., known: _Optional[_Iterable[_Union[SlotDigest, _Mapping]]] = ...) -> None: ...

class PullResponse(_message.Message):
    __slots__ = ("clock", "entries", "next", "mark", "missed")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    clock: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    next: Cursor
    mark: int
    missed: _containers.RepeatedCompositeFieldContainer[MissedWrites]
    def __init__(self, clock: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., next: _Optional[_Union[Cursor, _Mapping]] = ..., mark: _Optional[int] = ..., missed: _Optional[_Iterable[_Union[MissedWrites, _Mapping]]] = ...) -> None: ...

class ConfirmPullRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "mark")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    mark: int
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., mark: _Optional[int] = ...) -> None: ...

class ConfirmPullResponse(_message.Message):
    __slots__ = ("clock", "missed_since", "lacking")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    MISSED_SINCE_FIELD_NUMBER: _ClassVar[int]
    LACKING_FIELD_NUMBER: _ClassVar[int]
    clock: int
    missed_since: bytes
    lacking: bool
    def __init__(self, clock: _Optional[int] = ..., missed_since: _Optional[bytes] = ..., lacking: bool = ...) -> None: ...

class CompareRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "slots", "digests")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    DIGESTS_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    slots: _containers.RepeatedScalarFieldContainer[int]
    digests: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., slots: _Optional[_Iterable[int]] = ..., digests: _Optional[_Iterable[int]] = ...) -> None: ...

class CompareResponse(_message.Message):
    __slots__ = ("clock", "different")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    DIFFERENT_FIELD_NUMBER: _ClassVar[int]
    clock: int
    different: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, clock: _Optional[int] = ..., different: _Optional[_Iterable[int]] = ...) -> None: ...

class PullDifferencesRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "slots", "cursor")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    slots: _containers.RepeatedCompositeFieldContainer[SlotHashes]
    cursor: Cursor
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., slots: _Optional[_Iterable[_Union[SlotHashes, _Mapping]]] = ..., cursor: _Optional[_Union[Cursor, _Mapping]] = ...) -> None: ...

class PullDifferencesResponse(_message.Message):
    __slots__ = ("clock", "entries", "next")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    clock: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    next: Cursor
    def __init__(self, clock: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., next: _Optional[_Union[Cursor, _Mapping]] = ...) -> None: ...

class HoldRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "entries")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class HoldResponse(_message.Message):
    __slots__ = ("clock", "superseded", "incarnation", "refused")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    clock: int
    superseded: _containers.RepeatedScalarFieldContainer[int]
    incarnation: int
    refused: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, clock: _Optional[int] = ..., superseded: _Optional[_Iterable[int]] = ..., incarnation: _Optional[int] = ..., refused: _Optional[_Iterable[int]] = ...) -> None: ...

class DropRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "tombstones")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONES_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    tombstones: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., tombstones: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class DropResponse(_message.Message):
    __slots__ = ("clock",)
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    clock: int
    def __init__(self, clock: _Optional[int] = ...) -> None: ...

class ReadRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "keys", "known")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    keys: _containers.RepeatedScalarFieldContainer[str]
    known: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., keys: _Optional[_Iterable[str]] = ..., known: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ReadResponse(_message.Message):
    __slots__ = ("clock", "votes", "entries")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    clock: int
    votes: bool
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, clock: _Optional[int] = ..., votes: bool = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class Promise(_message.Message):
    __slots__ = ("key", "ballot")
    KEY_FIELD_NUMBER: _ClassVar[int]
    BALLOT_FIELD_NUMBER: _ClassVar[int]
    key: str
    ballot: bytes
    def __init__(self, key: _Optional[str] = ..., ballot: _Optional[bytes] = ...) -> None: ...

class PrepareRequest(_message.Message):
    __slots__ = ("sender", "clock", "configuration", "promises", "known")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    PROMISES_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    sender: str
    clock: int
    configuration: int
    promises: _containers.RepeatedCompositeFieldContainer[Promise]
    known: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, sender: _Optional[str] = ..., clock: _Optional[int] = ..., configuration: _Optional[int] = ..., promises: _Optional[_Iterable[_Union[Promise, _Mapping]]] = ..., known: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PrepareResponse(_message.Message):
    __slots__ = ("clock", "votes", "entries", "refused")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    clock: int
    votes: bool
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    refused: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, clock: _Optional[int] = ..., votes: bool = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., refused: _Optional[_Iterable[int]] = ...) -> None: ...

class MissedWrites(_message.Message):
    __slots__ = ("peer", "since", "count")
    PEER_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    peer: str
    since: bytes
    count: int
    def __init__(self, peer: _Optional[str] = ..., since: _Optional[bytes] = ..., count: _Optional[int] = ...) -> None: ...

class JournalFrame(_message.Message):
    __slots__ = ("clock", "entries", "hints", "drops", "blocks", "promises", "votes")
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    DROPS_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    PROMISES_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    clock: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    hints: _containers.RepeatedCompositeFieldContainer[MissedWrites]
    drops: _containers.RepeatedCompositeFieldContainer[Entry]
    blocks: _containers.RepeatedCompositeFieldContainer[Block]
    promises: _containers.RepeatedCompositeFieldContainer[Promise]
    votes: bool
    def __init__(self, clock: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., hints: _Optional[_Iterable[_Union[MissedWrites, _Mapping]]] = ..., drops: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., blocks: _Optional[_Iterable[_Union[Block, _Mapping]]] = ..., promises: _Optional[_Iterable[_Union[Promise, _Mapping]]] = ..., votes: bool = ...) -> None: ...

class VersionsFrame(_message.Message):
    __slots__ = ("versions", "hashes", "tombstones", "footer", "expiries")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONES_FIELD_NUMBER: _ClassVar[int]
    FOOTER_FIELD_NUMBER: _ClassVar[int]
    EXPIRIES_FIELD_NUMBER: _ClassVar[int]
    versions: bytes
    hashes: bytes
    tombstones: _containers.RepeatedCompositeFieldContainer[Entry]
    footer: VersionsFooter
    expiries: _containers.RepeatedCompositeFieldContainer[Expiry]
    def __init__(self, versions: _Optional[bytes] = ..., hashes: _Optional[bytes] = ..., tombstones: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., footer: _Optional[_Union[VersionsFooter, _Mapping]] = ..., expiries: _Optional[_Iterable[_Union[Expiry, _Mapping]]] = ...) -> None: ...

class Expiry(_message.Message):
    __slots__ = ("place", "expires_ms")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_MS_FIELD_NUMBER: _ClassVar[int]
    place: int
    expires_ms: int
    def __init__(self, place: _Optional[int] = ..., expires_ms: _Optional[int] = ...) -> None: ...

class VersionsFooter(_message.Message):
    __slots__ = ("json_hash", "pairs", "clock", "segment", "hints", "incomplete", "repair", "configuration", "node", "promises", "votes", "forgot", "decided")
    JSON_HASH_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    HINTS_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    REPAIR_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    PROMISES_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    FORGOT_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    json_hash: bytes
    pairs: int
    clock: int
    segment: int
    hints: _containers.RepeatedCompositeFieldContainer[MissedWrites]
    incomplete: str
    repair: bool
    configuration: int
    node: str
    promises: _containers.RepeatedCompositeFieldContainer[Promise]
    votes: bool
    forgot: bool
    decided: bool
    def __init__(self, json_hash: _Optional[bytes] = ..., pairs: _Optional[int] = ..., clock: _Optional[int] = ..., segment: _Optional[int] = ..., hints: _Optional[_Iterable[_Union[MissedWrites, _Mapping]]] = ..., incomplete: _Optional[str] = ..., repair: bool = ..., configuration: _Optional[int] = ..., node: _Optional[str] = ..., promises: _Optional[_Iterable[_Union[Promise, _Mapping]]] = ..., votes: bool = ..., forgot: bool = ..., decided: bool = ...) -> None: ...
