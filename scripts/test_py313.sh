#!/usr/bin/env bash
# Run the tests under Python 3.13, in a folder with Debian trixie (debootstrap, run as root).
#
#     scripts/test_py313.sh [PYTEST ARGUMENTS]    e.g. tests/unit, or -k demo
#
# FOLDER (default: feedd-trixie in TMPDIR) is kept for the next run, some 2 GB; delete it by hand.
# The tests see their own processes, mounts and loopback network, and nothing of this machine's.
set -eu
cd -- "$(dirname -- "$0")/.."
folder=${FOLDER:-${TMPDIR:-/tmp}/feedd-trixie}
[ "$(id -u)" = 0 ] || { echo "$0: debootstrap and chroot need root" >&2; exit 1; }
command -v debootstrap >/dev/null || {
    echo "$0: debootstrap is missing; on Debian: apt-get install debootstrap" >&2; exit 1; }

if [ ! -e "$folder/.bootstrapped" ]; then
    debootstrap --variant=minbase \
        --include=ca-certificates,git,iproute2,make,procps,python3,python3-venv trixie "$folder"
    touch "$folder/.bootstrapped"
fi
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    if [ -e "$file" ]; then cp -L "$file" "$folder$file"; fi
done

# The tracked and the new files as they are now, without what earlier runs left there.
mkdir -p "$folder/work/feedd"
find "$folder/work" -mindepth 2 -maxdepth 2 ! -name .venv -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' name; do
    if [ -e "$name" ]; then printf '%s\0' "$name"; fi
done | tar -c --null -T - | tar -x -C "$folder/work/feedd"

inside() {
    unshare --mount --pid --fork --kill-child "$@"
}
export FOLDER="$folder"
# The recordings that some tests play are in ../shared.
prepare='
    mount -t proc proc "$FOLDER/proc"
    mount --rbind /dev "$FOLDER/dev"
    if [ -d ../shared ]; then
        mkdir -p "$FOLDER/work/shared"
        mount --bind -o ro ../shared "$FOLDER/work/shared"
    fi
'
# Dependencies come from the index; the tests run with the loopback network alone.
inside sh -euc "$prepare"'exec chroot "$FOLDER" make -C /work/feedd .venv/.feedd-dev chart-library'
inside --net sh -euc "$prepare"'
    chroot "$FOLDER" ip link set lo up
    exec chroot "$FOLDER" /bin/sh -c "cd /work/feedd && exec .venv/bin/python -m pytest \"\$@\"" \
        pytest -n 2 --dist worksteal "$@"
' tests "$@"
