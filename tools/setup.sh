#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Makes .venv/bin/zcprobe work; with the word `fuzzer`, also the compiler with which the tests fuzz the C core; with `guests`,
# also what boots other kernels for them; with `senders`, also what their real senders need; with `check`, also what
# `make check` calls. What is missing is found by trying, so a second call has nothing to do. V=1 shows the installers'
# output. Exit codes: 0 done, 1 an installer failed, 3 this machine lacks something that set-up cannot or may not add.
set -euo pipefail
cd "${0%/*}/.."

# Settings of an active environment would send packages elsewhere.
unset PYTHONHOME PYTHONPATH PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_TARGET PIP_USER
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1

venv=$PWD/.venv
packages_stamp=$venv/zcprobe-packages # there only while the environment's packages are whole
build_stamp=$venv/zcprobe-build

say() { echo "setup: $*" >&2; }

# One line on what is wrong, one on what to do.
fail() {
    say "$2"
    say "$3"
    exit "$1"
}

quietly() {
    local output
    if [ "${V:-0}" != 0 ]; then
        "$@" >&2
    else
        output=$("$@" 2>&1) || { printf '%s\n' "$output" >&2 && return 1; }
    fi
}

# ---- what the system must have: a test for each, and its packages on Debian and Ubuntu, Fedora, Arch ----

declare -A packages=(
    [compiler]="gcc libc6-dev|gcc glibc-devel|gcc"
    [libbpf]="libbpf-dev|libbpf-devel|libbpf"
    [libseccomp]="libseccomp-dev|libseccomp-devel|libseccomp"
    [bcc]="python3-bpfcc|python3-bcc|python-bcc"
    [iproute2]="iproute2|iproute iproute-tc|iproute2"
    [python]="python3 python3-venv python3-dev|python3 python3-devel|python"
    [fuzzer]="clang libclang-rt-dev|clang compiler-rt|clang compiler-rt"
    [shellcheck]="shellcheck|ShellCheck|shellcheck"
    [qemu]="qemu-system-x86|qemu-system-x86-core|qemu-system-x86"
    [busybox]="busybox-static|busybox|busybox"
    [kmod]="kmod|kmod|kmod"
    [strace]="strace|strace|strace"
    [liburing]="liburing-dev|liburing-devel|liburing"
)

has_fuzzer() {
    printf 'int LLVMFuzzerTestOneInput(const char *input, unsigned long size) { return 0; }\n' |
        clang -fsanitize=fuzzer,address,undefined -x c -o /dev/null - 2>/dev/null
}

has_shellcheck() { command -v shellcheck >/dev/null; }

# Of guests; whether they boot is for the tests to tell.
has_qemu() { command -v qemu-system-x86_64 >/dev/null; }

# It is all that the guest's initramfs has, so it has to be a static one.
has_busybox() { [[ $(ldd "$(command -v busybox)" 2>&1) == *"not a dynamic executable"* ]]; }

has_strace() { command -v strace >/dev/null; }

has_liburing() {
    printf '#include <liburing.h>\nint main(void) { io_uring_prep_send_zc(0, 0, 0, 0, 0, 0); }\n' |
        gcc -x c -o /dev/null - -luring 2>/dev/null
}

has_kmod() { command -v depmod >/dev/null; }

has_compiler() { printf '#include <stdio.h>\nint main(void) { return 0; }\n' | gcc -x c -o /dev/null - 2>/dev/null; }

# Without a compiler only the header can tell.
has_libbpf() {
    if ! command -v gcc >/dev/null; then
        [ -e /usr/include/bpf/libbpf.h ]
    else
        printf '#include <bpf/libbpf.h>\nint main(void) { return 0; }\n' |
            gcc -x c -o /dev/null - -lbpf 2>/dev/null
    fi
}

has_libseccomp() {
    if ! command -v gcc >/dev/null; then
        [ -e /usr/include/seccomp.h ]
    else
        printf '#include <seccomp.h>\nint main(void) { return 0; }\n' |
            gcc -x c -o /dev/null - -lseccomp 2>/dev/null
    fi
}

has_iproute2() { command -v ip >/dev/null && command -v tc >/dev/null; }

has_bcc() { [ -n "$(bcc_folder)" ]; }

has_python() { [ -n "$(find_python)" ]; }

# The distribution's bcc. libbcc.py tells it from the unrelated project of that name on PyPI.
bcc_folder() {
    local folder
    folder=$(/usr/bin/python3 -I -c 'if True:
        import os, sys
        found = (folder + "/bcc" for folder in sys.path if os.path.exists(folder + "/bcc/libbcc.py"))
        print(next(found, ""))' 2>/dev/null) || true
    [ -n "$folder" ] || folder=$(dpkg -L python3-bpfcc 2>/dev/null | sed -n 's|/libbcc\.py$||p') || true
    echo "$folder"
}

# A Python that is new enough, can make virtual environments and has its C headers.
usable_python() {
    "$1" -I -c 'if True:
        import ensurepip, os, sys, sysconfig, venv
        headers = os.path.exists(sysconfig.get_config_var("INCLUDEPY") + "/Python.h")
        sys.exit(sys.version_info < (3, 11) or not headers)' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if usable_python "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

# The packages of the things in "$@", for the distribution in the given column.
package_names() {
    local column=$1 thing names=()
    for thing in "${@:2}"; do
        names+=("$(echo "${packages[$thing]}" | cut -d '|' -f "$column")")
    done
    echo "${names[*]}"
}

# ---- adding what is missing ----

# apt-get waits for dpkg's lock but not for the package lists'.
update_package_lists() {
    local output attempt
    for attempt in {1..60}; do
        output=$(apt-get -q update 2>&1) && return
        [[ $output == *"Could not get lock"* ]] || break
        [ "$attempt" != 1 ] || say "waiting for another apt-get to finish"
        sleep 5
    done
    # One broken list among many need not matter: the installation will tell.
    printf '%s\n' "$output" >&2
}

apt_install() {
    [ "$EUID" = 0 ] || fail 3 "missing: $*" "as root: apt-get install $*"
    say "installing $*"
    update_package_lists
    quietly apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@" ||
        fail 1 "apt-get could not install $*" "its output is above; repair that, then run make setup again"
}

# A release whose own Python is too old may carry a newer one beside it.
apt_install_newer_python() {
    local version
    for version in 3.13 3.12 3.11; do
        if apt-cache show "python$version-venv" >/dev/null 2>&1; then
            apt_install "python$version-venv" "python$version-dev"
            return
        fi
    done
}

install_system_packages() {
    local thing names wanted missing=()
    wanted=(compiler libbpf libseccomp bcc iproute2)
    [ "${1:-}" != fuzzer ] || wanted+=(fuzzer strace)
    [ "${1:-}" != check ] || wanted+=(shellcheck)
    [ "${1:-}" != guests ] || wanted+=(qemu busybox kmod)
    [ "${1:-}" != senders ] || wanted+=(kmod strace liburing)
    # The stamp stands for Python: an environment that works needs no other one.
    for thing in "${wanted[@]}"; do
        "has_$thing" || missing+=("$thing")
    done
    venv_is_whole || has_python || missing+=(python)
    [ ${#missing[@]} != 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        fail 3 "missing: ${missing[*]}" \
            "install them. Fedora: $(package_names 2 "${missing[@]}"). Arch: $(package_names 3 "${missing[@]}")."
    fi
    read -ra names <<<"$(package_names 1 "${missing[@]}")"
    apt_install "${names[@]}"
}

# ---- the virtual environment ----

# Not with -S: site.py is what makes sys.prefix the environment's.
venv_python() { "$venv/bin/python" -I -c "$1" 2>/dev/null; }

# Where an environment is, and for which Python: it can move to neither.
venv_identity() { venv_python 'import sys; print(sys.prefix, "%d.%d" % sys.version_info[:2])'; }

venv_is_whole() {
    local identity
    [ -e "$packages_stamp" ] && identity=$(venv_identity) && [ "$(head -n 1 "$packages_stamp")" = "$identity" ]
}

# What pip has to install. The rest of pyproject.toml can change without a download.
requirements() {
    "$venv/bin/python" -I -c 'if True:
        import tomllib
        settings = tomllib.load(open("pyproject.toml", "rb"))
        project = settings["project"]
        print(*settings["build-system"]["requires"], *project["dependencies"], sep="\n")
        print(*project["optional-dependencies"]["dev"], sep="\n")'
}

packages_key() {
    venv_identity
    requirements
}

build_key() {
    local file files=()
    for file in bpf/*.h zcprobe/native/*.[ch] zcprobe/native/decl/*.h; do
        [[ $file == */_core.c ]] || files+=("$file")
    done
    packages_key
    sha256sum pyproject.toml setup.py tools/setup.sh zcprobe/native/build.py "${files[@]}"
}

make_venv() {
    local python
    python=$(find_python)
    if [ -z "$python" ] && command -v apt-get >/dev/null; then
        apt_install_newer_python
        python=$(find_python)
    fi
    [ -n "$python" ] || fail 3 "no Python 3.11 or newer with venv and C headers" \
        "install one, so that python3 or python3.11 to python3.13 on PATH is it"
    rm -rf "$venv"
    quietly "$python" -I -m venv "$venv" || fail 1 "$python -m venv failed" "its output is above"
}

# Only bcc: --system-site-packages would let the distribution's numpy and the like in.
link_bcc() {
    local site_packages link=$venv/system-packages
    [ -e "$link/bcc/libbcc.py" ] && return
    site_packages=$(venv_python 'import sysconfig; print(sysconfig.get_path("purelib"))')
    mkdir -p "$link"
    ln -sfn "$(bcc_folder)" "$link/bcc"
    echo "$link" >"$site_packages/zcprobe-system-packages.pth"
}

# To byte code, on all processors; pip would use one, for longer than all else that it does. The tests of packages are a
# quarter of all, and nobody imports them. Some packages have files that do not compile.
compile_python_packages() {
    [ -z "${PYTHONDONTWRITEBYTECODE:-}" ] || return 0
    "$venv/bin/python" -I -m compileall -qq -j 0 -x '/site-packages/.*/tests/' "$venv/lib" || true
}

# Apart from the build, so that a changed C file costs seconds and no network.
install_python_packages() {
    local wanted
    rm -f "$packages_stamp" "$build_stamp"
    mapfile -t wanted < <(requirements)
    say "installing Python packages into .venv (about a minute)"
    quietly "$venv/bin/python" -I -m pip install --no-compile wheel "${wanted[@]}" ||
        fail 1 "pip could not install the Python packages" "its output is above; run make setup again once that is cured"
    compile_python_packages
    packages_key >"$packages_stamp"
}

build_zcprobe() {
    rm -f "$build_stamp" zcprobe/native/_core.*.so # one for another Python would be found first
    say "building zcprobe's C core"
    # compat: a line in a .pth file; the default is a finder whose imports take every Python that starts here 20 ms
    ZCPROBE_CORE=required quietly "$venv/bin/python" -I -m pip install --no-build-isolation --no-deps --config-settings editable_mode=compat -e . ||
        fail 1 "zcprobe could not be built" "the compiler's output is above"
    quietly "$venv/bin/python" -I -c 'import zcprobe.native, bcc; bcc.BPF' ||
        fail 1 "the compiled core or bcc cannot be imported" "the reason is above"
    isolate_command
    build_key >"$build_stamp"
}

# Python executes sitecustomize.py and the like of PYTHONPATH and of the user site before the first line of a script. For a
# command that root calls anywhere, -I keeps it from both, and from the current folder. pip puts a long path into line 2.
isolate_command() {
    local command=$venv/bin/zcprobe
    # what comes before zcprobe's first line cannot answer Ctrl-C: `re` is there for names that no command here has
    sed -i -e '/^import re$/d' -e '/sys\.argv\[0\] = re\.sub/d' "$command"
    # shellcheck disable=SC2016 # what is in single quotes is for sed and for the command's own shell
    sed -i -e '1s|^#!.*/python[0-9.]*$|& -I|' -e '2s|^\(.*exec.*\) "\$0" |\1 -I "$0" |' "$command"
    head -n 2 "$command" | grep -q -- ' -I\( \|$\)' ||
        fail 1 "$command cannot be isolated from the current folder" "its first two lines are not those that pip writes"
}

core_is_built() { compgen -G "zcprobe/native/_core.*.so" >/dev/null; }

# ---- in order ----

install_system_packages "${1:-}"
venv_is_whole || make_venv
link_bcc
[ "$(cat "$packages_stamp" 2>/dev/null)" = "$(packages_key)" ] || install_python_packages
{ core_is_built && [ "$(cat "$build_stamp" 2>/dev/null)" = "$(build_key)" ]; } || build_zcprobe
