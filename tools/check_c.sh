#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Compiles the C core with every warning as an error, and writes nothing. CC chooses the compiler.
set -euo pipefail
cd "${0%/*}/.."

mapfile -t flags < <(ZCPROBE_WERROR=1 .venv/bin/python -I -c 'if True:
    import runpy
    print(*runpy.run_path("zcprobe/native/build.py")["C_FLAGS"], sep="\n")')
[[ ${flags[*]} == *-Werror* ]] # Python failed, and has said why

status=0
for file in zcprobe/native/*.c; do
    # cffi wrote this one
    [[ $file == */_core.c ]] || "${CC:-cc}" "${flags[@]}" -c -o /dev/null -Izcprobe/native -Ibpf "$file" || status=1
done
exit "$status"
