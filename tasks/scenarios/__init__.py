"""Processes played without people: scenarios, the check of a folder, and the demo."""
