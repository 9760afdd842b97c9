"""Whether a process of Dagster is well: what a container's probe asks.

Lives here: one question per kind of process, and the answer as plain values. Not here: whether settings, tokens and
lake are well (`doctor`), which does not depend on a process.

daemon      Dagster's own heartbeats, which each of its parts writes into the instance
webserver   its page `/server_info`
code        the health service of its gRPC server
worker      a ping through the broker, of the workers of a host
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import httpx
from dagster._daemon.types import DaemonStatus

ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Health:
    """The answer about one process."""

    process: str
    healthy: bool
    detail: str
    parts: Mapping[str, Any] = field(default_factory=dict)


def daemon_health(statuses: Mapping[str, DaemonStatus], now: float) -> Health:
    """`statuses` as the instance gives them. A part that is not required is left out."""
    required = {name.lower(): one for name, one in statuses.items() if one.required}
    parts = {
        name: {
            "healthy": bool(one.healthy),
            "seconds": round(now - one.last_heartbeat.timestamp) if one.last_heartbeat else None,
        }
        for name, one in required.items()
    }
    silent = sorted(name for name, one in parts.items() if not one["healthy"])
    detail = f"no recent sign of life of {', '.join(silent)}" if silent else f"{len(parts)} parts are well"
    return Health("daemon", bool(parts) and not silent, detail, parts)


def check_daemon(now: float) -> Health:
    """The daemon of the instance in DAGSTER_HOME."""
    with dg.DagsterInstance.get() as instance:
        return daemon_health(instance.get_daemon_statuses(), now)


def check_webserver(port: int) -> Health:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/server_info", timeout=ANSWER_SECONDS, trust_env=False)
    except httpx.TransportError as error:
        return Health("webserver", False, f"no answer on port {port}: {type(error).__name__}")
    detail = f"port {port} answered {answer.status_code}"
    return Health("webserver", answer.is_success, detail)


def check_code(port: int) -> Health:
    from dagster._grpc.client import DagsterGrpcClient

    try:
        status = DagsterGrpcClient(port=port, host="127.0.0.1").health_check_query()  # type: ignore[no-untyped-call]
    except Exception as error:  # of gRPC, or Dagster's own
        return Health("code", False, f"no answer on port {port}: {type(error).__name__}")
    return Health("code", status == "SERVING", f"port {port}: {status}")


def check_worker(host: str = "") -> Health:
    """Celery workers of a host, by default of this one; the launcher of the instance knows the broker."""
    host = host or socket.gethostname()
    with dg.DagsterInstance.get() as instance:
        celery = getattr(instance.run_launcher, "celery", None)
        if celery is None:
            launcher = type(instance.run_launcher).__name__
            return Health(
                "worker", False, f"the instance launches runs by {launcher}: it has no Celery workers"
            )
        try:
            answers = celery.control.ping(timeout=ANSWER_SECONDS)
        except Exception as error:  # of any broker
            return Health("worker", False, f"the broker cannot be reached: {type(error).__name__}")
    names = sorted(name for answer in answers for name in answer if name.endswith(f"@{host}"))
    if not names:
        return Health("worker", False, f"no worker of {host} answers, of {len(answers)} that do")
    return Health("worker", True, f"{len(names)} workers of {host} answer", {"workers": names})
