#!/bin/sh
# Installs the Python side of `make bench-peers` from Debian or Ubuntu packages.
# Does nothing when all of them can be imported already.
set -eu

python=${PYTHON:-/usr/bin/python3}
packages="python3-numpy python3-torch python3-scipy python3-sklearn python3-pot"

missing=""
for pair in numpy:python3-numpy torch:python3-torch scipy:python3-scipy sklearn:python3-sklearn ot:python3-pot; do
	# find_spec looks for a module without the seconds that importing it takes.
	"$python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('${pair%%:*}') is None)" 2>/dev/null ||
		missing="$missing ${pair#*:}"
done
if [ -z "$missing" ]; then
	exit 0
fi

echo "bench/peers: missing:$missing" >&2
if ! command -v apt-get >/dev/null 2>&1; then
	echo "bench/peers: no apt-get here; install PyTorch, SciPy, scikit-learn and POT for $python yourself" >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "bench/peers: run as root: apt-get install $packages" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of names
apt-get install -y --no-install-recommends $missing || {
	apt-get update
	apt-get install -y --no-install-recommends $missing
}
