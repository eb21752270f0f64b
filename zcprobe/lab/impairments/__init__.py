"""Impairments of the path, one file each. A scenario has any number of them.

Each is a description of how much and how fast, which can put itself on a path and read there what it has done. Two of
them wait in a TBF qdisc: a queue of known rate and length.
"""
