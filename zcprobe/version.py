"""The version, written down once: packaging reads it from here, and asking the installed package takes 25 ms."""

__all__ = ["VERSION"]

VERSION = "0.1.0"
