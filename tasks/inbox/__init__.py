"""What makes the inbox quick to work in: snoozing, presence, saved views, last looks, blocks and the day's progress. None of it decides a case."""
