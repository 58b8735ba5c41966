#!/usr/bin/env bash
# One feed in the foreground, without supervisord and without the proxy, until Ctrl-C.
#
#   scripts/run_feed_handler.sh [SYMBOL]
#
# The symbol is one of the configuration's (FEEDD_CONFIG, else config/feedd.yaml), by default the
# first. It is published on its own port, or on ZMQ_FEED_HANDLER_URL; scripts/test_feed.py
# prints it. An embedded exchange in the configuration is started too.
set -euo pipefail
cd "$(dirname "$0")/.."
make -s .venv/.feedd

mkdir -p -m 700 run
export FEEDD_DIE_WITH_PARENT=1
note=run/alone.$$.pid
echo $$ > "$note"
children=()
end() {
    trap '' INT TERM
    [ ${#children[@]} -eq 0 ] || kill -TERM "${children[@]}" 2>/dev/null || true
    wait
    rm -f "$note"
}
trap end EXIT
trap 'exit 130' INT TERM

if .venv/bin/feedd config embedded > /dev/null 2>&1; then
    .venv/bin/python workers/exchange.py &
    children+=($!)
fi
echo "prices: .venv/bin/python scripts/test_feed.py"
.venv/bin/python workers/feed.py --alone "$@" &
feed=$!
children+=("$feed")
wait "$feed"
