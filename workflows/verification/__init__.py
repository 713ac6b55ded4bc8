"""Proves what a marking can still come to, before somebody changes it by hand: soundness with the data left open."""

from workflows.verification.exploration import MOST_MARKINGS, Verdict, explore

__all__ = ["MOST_MARKINGS", "Verdict", "explore"]
