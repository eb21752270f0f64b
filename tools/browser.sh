#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Chromium, in which the tests open the report. Exit codes as tools/setup.sh: 1 an installer failed, 3 no way to add it.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

fail() {
    echo "browser: $2" >&2
    echo "browser: $3" >&2
    exit "$1"
}

if command -v chromium >/dev/null; then
    exit 0
fi
command -v apt-get >/dev/null || fail 3 "missing: chromium" "install it. Fedora, Arch: chromium."
[ "$EUID" = 0 ] || fail 3 "missing: chromium" "as root: apt-get install chromium fonts-dejavu-core"
echo "browser: installing chromium" >&2
install() {
    # One broken list among many need not matter: the installation will tell.
    apt-get -q update || true
    # Without a font a page has no text.
    apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends chromium fonts-dejavu-core
}

output=$(install 2>&1) || {
    printf '%s\n' "$output" >&2
    fail 1 "apt-get could not install chromium" "its output is above; repair that, then run make browser again"
}
