"""A link in user space, for kernels without netem: packets are read, held back, and passed on.

Between two TAP devices, each in its own namespace. Packets carry the kernel's virtual-network
header, so that segments of up to 64 KiB pass in one piece, as they do on a veth. Nothing is lost.
The process imports nothing of the project.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import selectors
import struct
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.latency.network.links import Link

DEVICE = "tap"
LARGEST = 1 << 17
BATCH = 64
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
TAP, NO_PACKET_INFO, VNET_HEADER = 0x0002, 0x1000, 0x4000
CHECKSUM_AND_SEGMENTS = 0x01 | 0x02 | 0x04
HEADER = 10
CLONE_NEWNET = 0x40000000
READY = "ready"


class Relay:
    """The relay as a process of its own.

    Args:
        near, far: namespaces; each gets a device ``tap``.

    Raises:
        OSError: there is no right to make one.
    """

    def __init__(self, near: str, far: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, near, far],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout
        assert self.process.stderr
        if self.process.stdout.readline().strip() != READY:
            lines = self.process.stderr.read().strip().splitlines()
            self.close()
            raise OSError(f"no relay: {lines[-1] if lines else 'it ended'}")

    def use(self, link: Link) -> None:
        """Hold packets back as this link would."""
        assert self.process.stdin
        self.process.stdin.write(f"{link.delay_ms / 1000} {link.mbps}\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """End the process; the devices go with it."""
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                with suppress(OSError):
                    stream.close()
        self.process.kill()
        self.process.wait()


class Way:
    """One direction: packets wait for their turn on the wire, then for the delay.

    Attributes:
        delay, mbps: seconds, and 10⁶ bits a second.
        free: when the wire is free again.
        waiting: packets with the time at which each one is due.
    """

    def __init__(self, source: int, sink: int) -> None:
        self.source = source
        self.sink = sink
        self.delay = 0.0
        self.mbps = float("inf")
        self.free = 0.0
        self.waiting: deque[tuple[float, bytes]] = deque()

    def read(self) -> None:
        """Take packets that have come in."""
        for _ in range(BATCH):
            try:
                packet = os.read(self.source, LARGEST)
            except BlockingIOError:
                return
            self.free = max(monotonic(), self.free)
            self.free += (len(packet) - HEADER) * 8e-6 / self.mbps
            self.waiting.append((self.free + self.delay, packet))

    def write(self) -> float | None:
        """Pass on what is due; seconds until the next packet is."""
        while self.waiting:
            left = self.waiting[0][0] - monotonic()
            if left > 0:
                return left
            with suppress(BlockingIOError, OSError):
                os.write(self.sink, self.waiting[0][1])
            self.waiting.popleft()
        return None


def relay(near: int, far: int, orders: int) -> None:
    """Pass packets on until ``orders``, lines of seconds and Mb/s, ends."""
    ways = Way(near, far), Way(far, near)
    chooser = selectors.DefaultSelector()
    for way in ways:
        chooser.register(way.source, selectors.EVENT_READ, way)
    chooser.register(orders, selectors.EVENT_READ)
    while True:
        left = [seconds for way in ways if (seconds := way.write()) is not None]
        for key, _ in chooser.select(min(left, default=None)):
            if key.data is not None:
                key.data.read()
                continue
            order = os.read(orders, 4096).decode()
            if not order:
                return
            for way in ways:
                way.delay, way.mbps = map(float, order.splitlines()[-1].split())


def open_device(namespace: str) -> int:
    """Make a TAP device in a namespace; its file descriptor. Moves this process there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", namespace).open() as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = TAP | NO_PACKET_INFO | VNET_HEADER
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), flags))
    fcntl.ioctl(device, TUNSETOFFLOAD, CHECKSUM_AND_SEGMENTS)
    return device


def main() -> None:
    """The relay process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("near")
    parser.add_argument("far")
    args = parser.parse_args()
    near, far = open_device(args.near), open_device(args.far)
    print(READY, flush=True)
    relay(near, far, sys.stdin.fileno())


if __name__ == "__main__":
    main()
