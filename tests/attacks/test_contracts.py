"""Contracts of attacks that cannot be held wrongly."""

from __future__ import annotations

import numpy as np
import pytest

from attacks import ATTACKS, Attack
from attacks.base import reconstruction
from attacks.features.completion import Completion
from attacks.methods.inversion.linear import Ridge
from framework.errors import PedbenchError
from tests.attacks.toy import seen

SAME_IN_EVERY_SETTING = {
    "biharmonic",
    "ceiling",
    "dataset_mean",
    "flow_inpainting",
    "flow_inpainting_mean",
    "gated_inpainting",
    "gated_inpainting_lpips",
    "kriging",
    "lama",
    "latent_diffusion",
    "mae_checkpoint",
    "mae_inpainting",
    "mean_colour",
    "navier_stokes",
    "nearest_public",
    "pseudo_inverse",
    "push_pull",
    "telea",
}


class Silent(Attack):
    """Learns nothing."""

    kind = "inversion"

    def reconstruct(self, observation):
        return np.zeros((*observation.frame_size, 3), np.uint8)


class Forgetful(Silent):
    """Learns something and does not say whether it depends on the setting."""

    def fit(self, knowledge):
        self.learned = {"count": np.array(len(knowledge.public))}


class Claimed(Forgetful):
    setting_independent = True


class OnClaimed(Completion):
    """Learns more than its base class, which says that it learns the same in every setting."""

    kind = "inpainting"

    def fit(self, knowledge):
        super().fit(knowledge)

    def fill(self, canvas):
        return canvas.pixels


class WrongShape(Silent):
    def reconstruct(self, observation):
        return np.zeros((3, 3, 3), np.uint8)


class WrongType(Silent):
    def reconstruct(self, observation):
        return np.zeros((*observation.frame_size, 3))


class NoPicture(Silent):
    def reconstruct(self, observation):
        return None


def test_every_attack_is_trained_for_its_setting_but_those_that_learn_the_same_in_all():
    trained = {name for name, attack in ATTACKS.items() if attack.needs_training}
    assert trained == set(ATTACKS.names()) - SAME_IN_EVERY_SETTING


@pytest.mark.parametrize(
    ("attack", "trained"),
    [
        (Silent, False),
        (Forgetful, True),
        (Claimed, False),
        (OnClaimed, True),
        (type("Mixed", (Forgetful, Completion), {}), True),
        (type("Taken back", (Claimed,), {"setting_independent": False}), True),
        (type("Inherited", (Ridge,), {}), True),
    ],
)
def test_overriding_fit_means_trained_for_each_setting(attack, trained):
    assert attack.needs_training is trained


@pytest.mark.parametrize(("base", "said"), [(Forgetful, False), (Silent, True)])
def test_whether_an_attack_needs_training_is_not_said_but_follows(base, said):
    with pytest.raises(PedbenchError, match="class Wrong says needs_training"):
        type("Wrong", (base,), {"needs_training": said})


@pytest.mark.parametrize(
    ("attack", "found"),
    [
        (WrongShape, r"returns uint8 \[3, 3, 3\]"),
        (WrongType, r"returns float64 \["),
        (NoPicture, "returns NoneType"),
    ],
)
def test_a_picture_of_another_form_is_refused_with_file_and_line(attack, found):
    line = attack.reconstruct.__code__.co_firstlineno
    with pytest.raises(PedbenchError, match=found) as caught:
        reconstruction(attack(), seen("astronaut"))
    assert f"(attacks/test_contracts.py, line {line})" in str(caught.value)


def test_a_picture_of_the_right_form_passes():
    observation = seen("astronaut")
    assert reconstruction(Silent(), observation).shape == (*observation.frame_size, 3)


class NoKind(Attack):
    def reconstruct(self, observation):
        return None


@pytest.mark.parametrize(
    ("attack", "fault"),
    [
        (NoKind, "NoKind is no attack: it lacks kind"),
        (type("Odd", (NoKind,), {"kind": "inverson"}), "Odd is no attack: its kind is 'inverson'"),
        (Completion, "Completion is no attack: it lacks fill"),
        (object(), "is no attack: it is not a subclass of attacks.base.Attack"),
    ],
)
def test_what_is_no_attack_is_refused_at_registration(attack, fault):
    with pytest.raises(PedbenchError, match=fault):
        ATTACKS.register("odd")(attack)
    assert "odd" not in ATTACKS.names()


def test_the_name_is_the_registered_one():
    assert all(attack.name == name for name, attack in ATTACKS.items())
