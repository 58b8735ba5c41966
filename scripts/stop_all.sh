#!/usr/bin/env bash
# Stops everything of this folder: supervisord with all that it runs, and feeds that
# scripts/run_feed_handler.sh started. Ends no process that is not feedd's.
set -euo pipefail
cd "$(dirname "$0")/.."

# The script that a pid runs; nothing for a process that has ended.
runs() {
    cat "/proc/$1/cmdline" 2>/dev/null | tr '\0' ' ' | grep -o 'run_feed_handler\.sh' || true
}

for note in run/alone.*.pid; do
    [ -e "$note" ] || continue
    pid=$(cat "$note")
    if [ -n "$(runs "$pid")" ]; then
        kill -TERM "$pid"
        for _ in $(seq 50); do
            [ -n "$(runs "$pid")" ] || break
            sleep 0.1
        done
        if [ -n "$(runs "$pid")" ]; then
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
