"""The receiver: as a child process of a run, or alone for whoever comes."""
