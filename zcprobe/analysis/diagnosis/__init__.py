# SPDX-License-Identifier: GPL-2.0-only
"""What is wrong with a sender, from what was seen of it. Everything here is pure: no file, no kernel, no clock.

Each rule takes an Observation and returns a finding, a text that says what it would have had to see, or None. A value
that was not seen never makes a finding.
"""

from zcprobe.analysis.diagnosis.judge import Judgement, diagnose, is_healthy, judge

__all__ = ["Judgement", "diagnose", "is_healthy", "judge"]
