"""Impairments of the path, one file each: how much and how fast, what puts it on a path, and what it has done there.

A scenario has any number of them. A TBF qdisc does the waiting in two of them: a queue of known rate and length.
"""
