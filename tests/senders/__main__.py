# SPDX-License-Identifier: GPL-2.0-only
"""One real migration, and what strace counted of it: python -m tests.senders 11.1 --optmem-max 20480"""

import argparse
import os
import sys
from pathlib import Path

from tests.senders.fetch import Qemu
from tests.senders.hypervisor import Observed, hypervisor
from tests.senders.versions import VERSIONS, find_version
from zcprobe.errors import HostError, ZcprobeError
from zcprobe.units import parse_bytes

_DOWNTIME_MS = 100


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.senders",
        description="Migrates a guest in emulation with multifd and zero-copy-send while clones of its packets are held"
        " back. Exit code 0 if the migration completes, 1 if it fails.",
    )
    parser.add_argument("version", help=f"Debian's QEMU: {', '.join(version.name for version in VERSIONS)}")
    parser.add_argument("--qemu", type=Path, metavar="FILE", help="this qemu-system-x86_64 instead of Debian's")
    parser.add_argument("--optmem-max", type=parse_bytes, default=20480, metavar="SIZE", help="(%(default)s)")
    parser.add_argument("--waiting-flush", action="store_true", help="let the flush after ENOBUFS wait")
    parser.add_argument(
        "--attach",
        type=Path,
        metavar="DIR",
        help="keep what zcprobe attach saw in a run folder in DIR, and do without strace, which puts threads to sleep",
    )
    return parser.parse_args()


def _describe(seen: Observed) -> str:
    migration = seen.migration
    lines = [f"QEMU {seen.package}, optmem_max {seen.optmem_bytes}: {migration.status} after {migration.seconds:.1f} s"]
    lines += [f"  {migration.error}"] if migration.error else []
    lines += [f"  attach: {finding.id}" for finding in seen.attachment.findings]
    for name, counts in sorted(seen.threads.items()):
        lines.append(
            f"  {name}: {counts.sends} sends, {counts.enobufs} ENOBUFS, {counts.notifications_read} notifications read,"
            f" {counts.unwaited_flushes} flushes that did not wait before another ENOBUFS"
        )
    return "\n".join(lines)


def _main() -> int:
    options = _parse()
    qemu = None if options.qemu is None else Qemu(command=[str(options.qemu)], package=str(options.qemu))
    preload = "waiting_flush.c" if options.waiting_flush else None
    try:
        if os.geteuid():
            raise HostError("network namespaces and strace need root", "run with sudo")
        with hypervisor(find_version(options.version), qemu, preload) as source:
            seen = source.migrate(
                options.optmem_max, _DOWNTIME_MS, with_strace=options.attach is None, keep_in=options.attach
            )
    except ZcprobeError as error:
        print(f"{error}\n  {error.hint}", file=sys.stderr)
        return error.exit_code
    print(_describe(seen))
    return 0 if seen.survived else 1


sys.exit(_main())
