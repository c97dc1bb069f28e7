"""What attacks rebuild beyond their controls."""
