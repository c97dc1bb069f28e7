"""What is kept from run to run is found again: fingerprints do not change by themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from attacks.base import ATTACKS
from bench.fingerprints import part_fingerprint, source_fingerprint
from bench.metrics import METRICS
from bench.recognition import RECOGNISERS
from framework.defences import DEFENCES
from framework.policies import POLICIES

REGISTRIES = {r.kind: r for r in (ATTACKS, DEFENCES, METRICS, POLICIES, RECOGNISERS)}
PARTS = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry.names()]


@pytest.mark.parametrize(("kind", "name"), PARTS, ids=["-".join(part) for part in PARTS])
def test_every_part_has_a_lasting_fingerprint(kind: str, name: str) -> None:
    registry = REGISTRIES[kind]
    first = part_fingerprint(registry.get(name), registry.package)
    source_fingerprint.cache_clear()
    assert part_fingerprint(registry.get(name), registry.package) == first


def test_other_processes_find_the_same() -> None:
    name = "whole_image_decoder_round1"
    code = (
        "from attacks.base import ATTACKS; from bench.fingerprints import part_fingerprint;"
        f"print(part_fingerprint(ATTACKS.get({name!r}), ATTACKS.package))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout.strip() == part_fingerprint(ATTACKS.get(name), ATTACKS.package)
