#!/usr/bin/env bash
# Makes a virtual environment and proves that it works: tools/venv.sh DIR PIP-INSTALL-ARGUMENTS...
#
#   tools/venv.sh .venv -r requirements-cpu.txt -r requirements-dev.txt -e .
#
# Does nothing when DIR is ready for these very requirements. The note DIR/.ready is written last,
# so a run that was interrupted leaves none and the next one starts the folder anew. A folder that
# this script did not make is never touched. PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
unset PYTHONHOME PYTHONPATH
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0

die() { printf '%s\n' "$@" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3.10 python3.9 python3 python}; do
        if "$candidate" -c 'import sys, venv, ensurepip
sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "No usable Python found (tried: ${PYTHON:-python3.11, 3.12, 3.10, 3.9, python3, python})." \
        "paddle_ann needs Python 3.9 to 3.12 with its venv module (Debian: apt install python3-venv)." \
        "Name one with PYTHON=/path/to/python3.11 make venv"
}

# Lets through what tells a waiting reader how far pip is; all of it goes to DIR/install.log.
progress() {
    sed -un -e 's/^ *\(Downloading\|Using cached\) \([^ ]*\) (\([0-9.]* [MG]B\))/  \2 (\3)/p' \
        -e 's/^Installing collected packages.*/  unpacking .../p' -e 's/^\(ERROR.\{0,300\}\).*/\1/p'
}

[ $# -ge 2 ] || die "usage: tools/venv.sh DIR PIP-INSTALL-ARGUMENTS..."
dir=$1
shift
mark="$dir/.made-by-venv.sh"
wanted=$({ pwd; printf '%s\n' "$dir" "${PYTHON:-}" "$@"
           cat constraints.txt requirements*.txt pyproject.toml "$0"; } | sha256sum | cut -c1-16)

[ "$(cat "$dir/.ready" 2>/dev/null)" != "$wanted" ] || exit 0
if [ -e "$dir" ] && [ ! -e "$mark" ]; then
    die "$dir exists and was not made by tools/venv.sh, so it is left as it is." \
        "Move it away, or remove it yourself, and run this again."
fi

python=$(find_python)
echo "Making $dir with $("$python" --version) (a few minutes the first time; log: $dir/install.log)"
rm -rf "$dir"
mkdir -p "$dir"
touch "$mark"
"$python" -m venv "$dir"
if ! "$dir/bin/python" -m pip install --progress-bar off "$@" 2>&1 | tee "$dir/install.log" | progress
then
    die "pip could not install: $*" "The last lines of $dir/install.log:" "$(tail -n 15 "$dir/install.log")"
fi
"$dir/bin/python" -m pip check >>"$dir/install.log" 2>&1 ||
    die "The packages in $dir contradict each other:" "$("$dir/bin/python" -m pip check 2>&1)"
"$dir/bin/python" -c 'import zlib, paddle, cv2, paddleseg, visualdl' >>"$dir/install.log" 2>&1 ||
    die "The packages in $dir are installed but do not import:" "$(tail -n 15 "$dir/install.log")"
echo "$wanted" >"$dir/.ready"
echo "$dir is ready: $("$dir/bin/python" -c 'import zlib, paddle
print("Paddle", paddle.__version__)' 2>/dev/null | tail -n 1)"
