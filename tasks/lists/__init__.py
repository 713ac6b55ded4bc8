"""Lists of cases that a process offers: who has not declared, audit lists, classes, and their exports. Reads only."""
