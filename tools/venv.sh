#!/usr/bin/env bash
# Makes a virtual environment and proves that it works: tools/venv.sh DIR PIP-INSTALL-ARGUMENTS...
#
#   tools/venv.sh .venv -r requirements-cpu.txt -r requirements-dev.txt -e .
#
# Does nothing when DIR is ready for these very requirements. The note DIR/.ready is written last,
# so a run that was interrupted leaves none and the next one starts the folder anew. A folder that
# this script did not make is never touched. PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail

die() { printf '%s\n' "$@" >&2; exit 1; }

find_python() {
    local candidate candidates=(python3.11 python3.12 python3.10 python3.9 python3 python)
    [ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        if "$candidate" -c 'import sys, venv, ensurepip
sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "No usable Python found (tried: ${candidates[*]})." \
        "paddle_ann needs Python 3.9 to 3.12 with its venv module (Debian: apt install python3-venv)." \
        "Name one with: make venv PYTHON=/path/to/python3.11"
}

# What the environment is made from: its place, what was asked, the pins, and this recipe.
fingerprint() {
    { pwd; printf '%s\n' "$@"; cat constraints.txt requirements*.txt tools/venv.sh
      sed -n '/^\[build/,/^\[tool/p' pyproject.toml; } | sha256sum | cut -c1-16
}

is_ready() {  # DIR FINGERPRINT
    [ "$(cat "$1/.ready" 2>/dev/null)" = "$2" ] || return 1
    [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" --version)" = "$("$1/bin/python" --version)" ]
}

# Lets through what tells a waiting reader how far pip is; all of it goes to DIR/install.log.
progress() {
    sed -un -e 's/^ *\(Downloading\|Using cached\) \([^ ]*\) (\([0-9.]* [MG]B\))/  \2 (\3)/p' \
        -e 's/^Installing collected packages.*/  unpacking .../p' -e 's/^\(ERROR.\{0,300\}\).*/\1/p'
}

install() {  # DIR PIP-INSTALL-ARGUMENTS...
    local dir=$1 log=$1/install.log
    shift
    "$dir/bin/python" -m pip install --progress-bar off "$@" 2>&1 | tee "$log" | progress ||
        die "pip could not install: $*" "The last lines of $log:" "$(tail -n 15 "$log" | cut -c1-300)"
    "$dir/bin/python" -m pip check >>"$log" 2>&1 ||
        die "The packages in $dir contradict each other:" "$(tail -n 5 "$log")"
    "$dir/bin/python" -c 'import zlib, paddle, cv2, paddleseg, visualdl' >>"$log" 2>&1 ||
        die "The packages in $dir are installed but do not import:" "$(tail -n 15 "$log")"
}

main() {
    [ $# -ge 2 ] || die "usage: tools/venv.sh DIR PIP-INSTALL-ARGUMENTS..."
    cd "$(dirname "$0")/.."
    unset PYTHONHOME PYTHONPATH
    export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0
    local dir=$1 mark=$1/.made-by-venv.sh python wanted
    wanted=$(fingerprint "$@")

    if is_ready "$dir" "$wanted"; then return; fi
    if [ -e "$dir" ] && [ ! -e "$mark" ]; then
        die "$dir exists and was not made by tools/venv.sh, so it is left as it is." \
            "Move it away, or remove it yourself, and run this again."
    fi
    python=$(find_python)
    echo "Making $dir with $("$python" --version) (minutes the first time; log: $dir/install.log)"
    rm -rf "$dir"
    mkdir -p "$dir"
    touch "$mark"
    "$python" -m venv "$dir"
    install "$@"
    echo "$wanted" >"$dir/.ready"
    echo "$dir is ready."
}

main "$@"
exit  # read whole before it runs, so editing this file cannot derail a running copy
