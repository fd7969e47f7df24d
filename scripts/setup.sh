#!/bin/sh
# Make the development environment in $1 with the newest Python (3.11 or later) that is at hand.
set -eu
venv=$1

fits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if fits "$candidate"; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ] || ! fits "$python"; then
    echo "error: Python 3.11 or newer is needed; PYTHON=/path/to/python3 names one" >&2
    exit 6
fi

echo "setting up $venv with $("$python" --version)"
if ! "$python" -m venv "$venv"; then
    echo "error: this Python cannot make virtual environments; on Debian: apt install python3-venv" >&2
    exit 6
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.13.8'
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --editable . --group dev
