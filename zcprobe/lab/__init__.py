"""What a run changes on this host: network namespaces, impairments, limits. Each is a context manager that undoes its
change."""
