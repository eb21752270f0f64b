# SPDX-License-Identifier: GPL-2.0-only
"""One command in a guest: python -m tests.guests 6.12 -- uname -r"""

import argparse
import sys
from pathlib import Path

from tests.guests.boot import run_in_guest
from tests.guests.fetch import fetch
from tests.guests.kernels import KERNELS, find_kernel
from zcprobe.errors import ZcprobeError
from zcprobe.interrupt import deferred_interrupt


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.guests",
        description="Runs one command as root in a guest of a distribution kernel, in software emulation.",
        epilog="The guest sees this machine's files; what it writes is lost, except below --share.",
    )
    parser.add_argument("kernel", help=f"one of: {', '.join(kernel.name for kernel in KERNELS)}")
    parser.add_argument("--share", type=Path, metavar="FOLDER", help="a folder that the guest can write to")
    parser.add_argument("--append", action="append", default=[], metavar="OPTION", help="to the kernel command line")
    parser.add_argument("--qemu", action="append", default=[], metavar="OPTIONS", help="to the command line of QEMU")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS")
    parser.add_argument("words", nargs="+", metavar="-- COMMAND", help="the command and its arguments")
    return parser.parse_args()


def _main() -> int:
    options = _parse()
    try:
        kernel = find_kernel(options.kernel)
        image = fetch(kernel)
        with deferred_interrupt() as interruption:
            return run_in_guest(
                image,
                options.words,
                interruption,
                cpus=kernel.cpus,
                share=options.share,
                kernel_options=options.append,
                qemu_options=options.qemu,
                timeout_s=options.timeout,
            )
    except ZcprobeError as error:
        print(f"{error}\n  {error.hint}", file=sys.stderr)
        return error.exit_code


sys.exit(_main())
