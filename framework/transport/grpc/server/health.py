"""Health checks (``grpc.health.v1``) that no client can pile up."""

from __future__ import annotations

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio as health

from framework.transport.grpc.server.limits import Busy, Clients, Limits
from framework.transport.grpc.server.service import identity


class Health(health.HealthServicer):
    """Answers whether the server serves, once or on every change.

    Args:
        limits: bounds on streams of `Watch`.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.all = limits.all_watches
        self.clients = Clients(Limits(sessions=limits.watches))

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> None:
        """Every change of a service's state, until the client goes."""
        try:
            if self.clients.open.total() >= self.all:
                raise Busy(f"{self.all} watches are open already: wait")
            with self.clients.session(identity(context)):
                await super().Watch(request, context)
        except Busy as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
