"""Talking about a case without moving it: remarks, copies to others, following, phrases somebody uses often."""
