"""Which attacks the seed changes: a run asks for the others once."""

from dataclasses import replace

import numpy as np
import pytest

from attacks import ATTACKS
from tests.attacks.conftest import FILES, QUICK
from tests.attacks.toy import fit, knowledge, seen

LEARNERS = sorted(
    name
    for name, attack in ATTACKS.items()
    if name not in FILES | {"moment_matching"} and (attack.needs_training or attack.random)
)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_the_seed_changes_what_is_learned_only_where_the_attack_says_so(name):
    known = knowledge(stages=None if ATTACKS.get(name).every_round else (0,))
    overheard = [example.observation for example in known.public[:2]]
    known = replace(known, substitute=known.sam, overheard=overheard)
    first, second = (fit(name, known, seed=seed, **QUICK.get(name, {})) for seed in (0, 1))
    same = all(np.array_equal(first.state()[key], second.state()[key]) for key in first.state())
    assert same != ATTACKS.get(name).random


def test_a_deterministic_attack_gives_the_same_picture_twice():
    attack = fit("optimise", knowledge(stages=(0,)), **QUICK["optimise"])
    observation = seen("astronaut").at_stages((0,))
    assert np.array_equal(attack.reconstruct(observation), attack.reconstruct(observation))
