#!/usr/bin/env bash
# Stop everything in this folder: supervisord with its processes, and feeds started by
# scripts/run_feed_handler.sh. No process of another program is stopped.
set -euo pipefail
cd "$(dirname "$0")/.."

# Print the script that a pid runs; nothing for a process that has exited.
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
            echo "a feed without supervisord (pid $pid) does not exit" >&2
            exit 1
        fi
        echo "stopped a feed without supervisord (pid $pid)"
    fi
    rm -f "$note"
done
if [ -x .venv/bin/feedd ]; then
    exec .venv/bin/feedd stop
fi
