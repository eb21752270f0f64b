# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe policies"""

import argparse
import sys

import msgspec

from zcprobe.policies import POLICIES, Policy

__all__ = ["run"]


def _parameters(policy: Policy) -> str:
    return "\n".join(f"{name}={getattr(policy.defaults, name)}" for name in policy.reads)


def run(options: argparse.Namespace) -> int:
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode({"policies": list(POLICIES.values())}) + b"\n")
        return 0
    from rich.table import Table

    from zcprobe.cli.console import StdoutConsole

    table = Table("policy", "on ENOBUFS", "otherwise", "stands for", "parameters (--set)", show_lines=True)
    for policy in POLICIES.values():
        table.add_row(policy.name, policy.on_enobufs, policy.otherwise, policy.stands_for, _parameters(policy))
    StdoutConsole().print(table)
    return 0
