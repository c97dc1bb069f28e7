"""What messages tell beside their content, one channel a file."""

from attacks.analyses.side_channels.base import SIDE_CHANNELS, SideChannel

__all__ = ["SIDE_CHANNELS", "SideChannel"]
