#!/usr/bin/env bash
# Stop everything that this folder has started: supervisord with its processes, demos, replays,
# recorders, load tests, feeds of scripts/run_feed_handler.sh, and workers that were left behind.
# No process of another folder or program is stopped.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
[ -x .venv/bin/python ] || {
    echo "$PWD: nothing was set up here, so nothing of this folder is running" >&2; exit 0; }
exec .venv/bin/python -m feedd stop --all
