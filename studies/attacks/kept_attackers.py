"""Trained attackers of a study, kept in files so that it can be stopped and go on."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

from safetensors.numpy import load_file, save_file

from attacks.base import ATTACKS, Attack, Knowledge


def kept_attacker(name: str, seed: int, knowledge: Knowledge, folder: Path | None) -> Attack:
    """An attacker, from its file where it was trained on the same photos before.

    The file's name has a digest of the photos, not of the code: a folder serves one version of it.

    Args:
        folder: of the files; nothing is kept without one.
    """
    attack = ATTACKS.get(name)(seed=seed)
    path = folder and folder / f"{name}-{seed}-{_digest(knowledge)}.safetensors"
    if path is not None and path.exists():
        attack.load_state(load_file(path))
        return attack
    start = time.process_time()
    attack.fit(knowledge)
    spent = time.process_time() - start
    print(f"{name}, seed {seed}: fitted in {spent:.0f} s of a processor", file=sys.stderr)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        save_file(attack.state(), unfinished)
        unfinished.replace(path)
    return attack


def _digest(knowledge: Knowledge) -> str:
    """Of the frames of all public photos, in order."""
    digest = hashlib.sha256()
    for example in knowledge.public:
        digest.update(example.frame.tobytes())
    return digest.hexdigest()[:12]
