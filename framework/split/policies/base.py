"""Assignment policies: which shard gets which window, fixed within a request."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from framework.errors import PedbenchError, place_of_code
from framework.registry import Registry
from framework.split.windows import Window, WindowGrid
from framework.transport.round import HOME


class Policy(ABC):
    """Orders windows so that dealing them in equal runs gives each shard its share.

    Windows that bear content and windows that are pure padding are dealt separately, so that the
    load is balanced over the photo.

    Args:
        seed: of the policy's secret; drawn from the system when not given.

    Attributes:
        keyed: whether the secret comes of a key that is kept, by `bound`.

    Raises:
        PedbenchError: the seed is below 0.
    """

    summary = ""
    keyed = False

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None and seed < 0:
            raise PedbenchError(f"seed {seed}: give 0 or more")
        self.seed = secrets.randbits(63) if seed is None else seed

    def bound(self, scene: str, servers: Sequence[str], key: Callable[[], bytes]) -> Policy:
        """The policy for one scene and these servers; itself unless overridden.

        Args:
            scene: its name.
            servers: what tells them apart, in the order in which shards are numbered.
            key: gives the secret key of policies.
        """
        return self

    @classmethod
    def with_options(cls, options: Sequence[str]) -> type[Policy]:
        """The policy for the words that follow its name, each after a colon.

        Raises:
            PedbenchError: it takes none unless overridden, or not these.
        """
        raise PedbenchError(f"policy {cls.__name__} takes no options: leave out ':{options[0]}'")

    def seeing(self, frame: NDArray[np.uint8]) -> Policy:
        """The policy for one model input, uint8 [h, w, 3]; itself unless overridden."""
        return self

    def assign(self, grid: WindowGrid, n_shards: int, request: int = 0) -> tuple[int, ...]:
        """The shard of every window of ``grid``, for the ``request``-th picture of the session.

        Windows that never leave the edge have the owner `HOME`.

        Raises:
            PedbenchError: the policy cannot serve that many shards.
        """
        if not 1 <= n_shards <= len(grid.windows):
            raise PedbenchError(
                f"{n_shards} shards cannot share {len(grid.windows)} windows: "
                f"give 1 to {len(grid.windows)} shards"
            )
        rng = self.generator(request)
        home = self.home(grid)
        owner = [HOME] * len(grid.windows)
        dealt = 0
        for bears_content in (True, False):
            windows = [
                w for w in grid.windows if w.has_content is bears_content and w.index not in home
            ]
            ordered = self.order(list(windows), n_shards, rng)
            self._check_order(ordered, windows)
            for shard, run in _deal(ordered, n_shards, dealt):
                for window in run:
                    owner[window.index] = shard
            dealt += len(windows)
        return tuple(owner)

    def _check_order(self, ordered: Sequence[Window], windows: Sequence[Window]) -> None:
        try:
            dealt = sorted(window.index for window in ordered)
        except (TypeError, AttributeError):
            dealt = []
        if dealt != [window.index for window in windows] or not isinstance(ordered, Sequence):
            place = place_of_code(type(self).order)
            raise PedbenchError(
                f"policy {type(self).__name__}{place} does not order the windows that it is given: "
                "return each of them once"
            )

    def home(self, grid: WindowGrid) -> Collection[int]:
        """Indices of the windows that stay on the edge; none unless overridden."""
        return ()

    def generator(self, request: int) -> np.random.Generator:
        """The source of randomness for one request; the same for all unless overridden."""
        return np.random.default_rng(self.seed)

    @abstractmethod
    def order(
        self, windows: Sequence[Window], n_shards: int, rng: np.random.Generator
    ) -> Sequence[Window]:
        """``windows`` in the order in which equal runs go to shards 0, 1, ….

        Args:
            windows: in row-major order.
        """


def _deal(
    ordered: Sequence[Window], n_shards: int, start: int
) -> list[tuple[int, Sequence[Window]]]:
    """Cut into equal runs; any longer runs go to the shards from ``start`` on, in turn."""
    share, longer = divmod(len(ordered), n_shards)
    sizes = [share] * n_shards
    for extra in range(longer):
        sizes[(start + extra) % n_shards] += 1
    ends = np.cumsum(sizes)
    return [(k, ordered[end - sizes[k] : end]) for k, end in enumerate(ends)]


PADDING_LOCAL = "+padding_local"
"""What a policy's name ends with to keep padding on the edge."""


class PaddingLocal(Policy):
    """Mixin: the edge computes the windows of padding; the others are dealt as the policy says.

    After a global block, padding carries what it attended to: a shard that holds padding alone
    learns of the photo. Kept on the edge it tells nothing, at the cost of computing it there.
    """

    def home(self, grid: WindowGrid) -> Collection[int]:
        padding = {window.index for window in grid.windows if not window.has_content}
        return padding | set(super().home(grid))


@cache
def keep_padding(policy: type[Policy]) -> type[Policy]:
    """``policy`` with the windows of padding kept on the edge."""
    body = {
        "__module__": policy.__module__,
        "__doc__": policy.__doc__,
        "summary": f"{policy.summary}; padding stays on the edge",
    }
    return type(f"{policy.__name__}PaddingLocal", (PaddingLocal, policy), body)


class PolicyRegistry(Registry[type[Policy]]):
    """Policies by name.

    Options follow a name after colons (``sensitive_local:skin``). `PADDING_LOCAL` at the end keeps
    padding on the edge, under any policy.
    """

    def get(self, name: str) -> type[Policy]:
        words = name.removesuffix(PADDING_LOCAL).split(":")
        policy = super().get(words[0])
        policy = policy.with_options(words[1:]) if words[1:] else policy
        return keep_padding(policy) if name.endswith(PADDING_LOCAL) else policy


POLICIES = PolicyRegistry("policy", "framework.split.policies", "pedbench.policies", Policy)
