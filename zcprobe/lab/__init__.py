"""What a run changes on this host: network namespaces, impairments, limits; each a context manager that undoes it."""
