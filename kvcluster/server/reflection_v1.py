"""Reflection under its newer name, `grpc.reflection.v1.ServerReflection`, described.

The messages are the same as those of `v1alpha`, and so is the service; tools ask for the one or the
other. The library serves and describes only `v1alpha`. Whoever lists the services and then wants
each of them described, as grpcurl does, would be told of a name that nobody knows. So the newer
description is made from the older: the same file, with the other name in it.

It stands in a pool of its own. In the pool that the whole process shares it would be in the way of
a library that brings the real one some day. So whatever a tool may ask for is put in here: all our
services, and what our errors carry.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

import demo_pb2

V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"
V1 = "grpc.reflection.v1.ServerReflection"


def descriptions() -> DescriptorPool:
    """All that reflection can tell of here."""
    pool = DescriptorPool()
    for module in (demo_pb2, health_pb2, reflection_pb2, error_details_pb2, status_pb2):
        _add(pool, module.DESCRIPTOR)
    pool.AddSerializedFile(_newer(reflection_pb2.DESCRIPTOR).SerializeToString())
    return pool


def _add(pool: DescriptorPool, file: Any) -> None:
    for dependency in file.dependencies:
        _add(pool, dependency)
    pool.AddSerializedFile(file.serialized_pb)


def _newer(file: Any) -> FileDescriptorProto:
    older = FileDescriptorProto()
    file.CopyToProto(older)
    newer = FileDescriptorProto()
    text_format.Parse(text_format.MessageToString(older).replace("v1alpha", "v1"), newer)
    newer.options.ClearField("deprecated")
    return newer
