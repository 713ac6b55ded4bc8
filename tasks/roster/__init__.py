"""Imported cohorts: from an uploaded sheet, or one row at the counter, to cases and the people they are about."""
