"""What a run changes on this host: namespaces, impairments and limits. Each is a context manager that undoes it."""
