"""The attackers that runs name: each lacks, or has, one thing that the standard one does not."""

from __future__ import annotations

from attacks.threat_models.base import OUT_OF_DOMAIN, THREATS, ThreatModel

STANDARD = ThreatModel(
    summary="knows weights and positions, has photos like the scored ones, trains through defences"
)
PATIENT = 8
"""Frames that a patient attacker watches unless a run says how many."""

_NAMED = {
    "standard": STANDARD,
    "black_box": ThreatModel(
        weights_known=False, summary="lacks the weights, sends all its photos through the system"
    ),
    "query_free": ThreatModel(
        weights_known=False,
        can_query=False,
        summary="lacks the weights and cannot send photos: has the public model, hears strangers'",
    ),
    "hidden_positions": ThreatModel(
        positions_known=False, summary="is not told where its windows stand"
    ),
    "hidden_weights": ThreatModel(weights_known=False, summary="another name of black_box"),
    "hidden_both": ThreatModel(
        weights_known=False, positions_known=False, summary="lacks weights and positions"
    ),
    "out_of_domain": ThreatModel(
        public=OUT_OF_DOMAIN, summary="its photos are of another kind than the scored ones"
    ),
    "unaware": ThreatModel(adaptive=False, summary="trained without knowing of the defence"),
    "patient": ThreatModel(
        frames=PATIENT, choice="seeded", summary=f"watches a scene for {PATIENT} frames"
    ),
    "averaging": ThreatModel(
        frames=PATIENT,
        choice="seeded",
        averages=True,
        summary=f"averages what it sees of a still scene over {PATIENT} frames",
    ),
}

for _name, _threat in _NAMED.items():
    THREATS.register(_name)(_threat)
