"""Serves the page until it is stopped; shard processes end with it."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

from nicegui import app, ui
from starlette.middleware.trustedhost import TrustedHostMiddleware

from bench.demo.choices import DEFAULT
from bench.demo.experiment import Workbench
from bench.demo.page import Page
from bench.demo.processes import HOST, ShardProcesses
from framework.errors import PedbenchError

NAMES = [HOST, "localhost"]
"""Names under which the page answers: a foreign name that points here gets nothing."""


def serve(model: str, checkpoint: str | None, most: int, port: int, browser: bool) -> None:
    """Start shards and page, and wait for Ctrl-C.

    Args:
        model, checkpoint: as in `build_sam`.
        most: how many shard processes a visitor may ask for.
        port: of the page on this machine; 0 takes a free one.
        browser: whether to open it.

    Raises:
        PedbenchError: the port is in use, the model is unknown, or a shard did not start.
    """
    port = usable(port)
    address = f"http://{HOST}:{port}/"
    worker = ThreadPoolExecutor(1)
    with ShardProcesses(most, model, checkpoint) as servers:
        workbench = Workbench(model, checkpoint, servers)
        servers.remote(workbench.models.sam.arch.name, min(DEFAULT.n_shards, most))
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=NAMES)
        app.on_startup(lambda: print(f"open {address} (Ctrl-C ends it)", flush=True))
        try:
            ui.run(
                lambda: Page(workbench, worker),
                host=HOST,
                port=port,
                title="pedbench demo",
                dark=None,
                language="en-US",
                reload=False,
                show=browser,
                show_welcome_message=False,
                tailwind=False,
            )
        except KeyboardInterrupt:
            pass
        finally:
            worker.shutdown(wait=False, cancel_futures=True)


def usable(port: int) -> int:
    """The port, or a free one for 0.

    Raises:
        PedbenchError: it is in use.
    """
    try:
        with socket.create_server((HOST, port)) as taken:
            return int(taken.getsockname()[1])
    except OSError as error:
        raise PedbenchError(
            f"port {port} of {HOST} cannot be had ({error.strerror}): give another --port"
        ) from error
