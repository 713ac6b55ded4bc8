"""Countersigning: several seats in one user task and the rule that makes one outcome of their votes."""
