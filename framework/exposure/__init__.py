"""How much of a scene each server has seen, and the limit that is never exceeded."""

from framework.exposure.caps import Caps, Protected
from framework.exposure.guard import Guard
from framework.exposure.ledger import Ledger
from framework.exposure.scene import Scene, View
from framework.exposure.scene_change import SceneChanges

__all__ = ["Caps", "Guard", "Ledger", "Protected", "Scene", "SceneChanges", "View"]
