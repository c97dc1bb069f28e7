"""A model of all parts of a SAM, small enough to be trained in a test: ``toy``, by name."""

from framework.models.architectures import ARCHITECTURES, Architecture, globals_last

TOY = Architecture("toy", 64, 8, 3, 96, 4, 3, (1, 3), 32, 64)
for architecture in (TOY, globals_last(TOY)):
    ARCHITECTURES.setdefault(architecture.name, architecture)
