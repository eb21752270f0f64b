"""Facts about this machine. Nothing here changes it."""
