"""Telling decoy windows from real ones before anything is reconstructed."""
