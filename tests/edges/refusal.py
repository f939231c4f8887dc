"""A call that must be refused, and how it was."""

from __future__ import annotations

from typing import Any

import grpc
import pytest


def refusal(call: Any, request: Any, **options: Any) -> tuple[grpc.StatusCode, str]:
    """The status code and details that a call is refused with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=10, **options)
    return caught.value.code(), caught.value.details() or ""
