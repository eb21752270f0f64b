"""The compiled core: `lib` holds the functions and constants of sender.h and zcprobe.h, `ffi` their types."""

from zcprobe.native._core import ffi, lib

__all__ = ["ffi", "lib"]
