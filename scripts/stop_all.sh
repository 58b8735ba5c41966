#!/usr/bin/env bash
# Stops everything of this folder: supervisord with all that it runs, and feeds that
# scripts/run_feed_handler.sh started. Ends no process that is not feedd's.
set -euo pipefail
cd "$(dirname "$0")/.."

for note in run/alone.*.pid; do
    [ -e "$note" ] || continue
    pid=$(cat "$note")
    if tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -q run_feed_handler.sh; then
        kill -TERM "$pid"
        for _ in $(seq 50); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        if kill -0 "$pid" 2>/dev/null; then
            echo "a feed of its own (pid $pid) does not end" >&2
            exit 1
        fi
        echo "stopped a feed of its own (pid $pid)"
    fi
    rm -f "$note"
done
if [ -x .venv/bin/feedd ]; then
    exec .venv/bin/feedd stop
fi
