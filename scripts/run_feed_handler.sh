#!/usr/bin/env bash
# One feed in the foreground, without supervisord and without the proxy, until Ctrl-C.
#
#   scripts/run_feed_handler.sh [SYMBOL]
#
# The symbol is one of the configuration's (FEEDD_CONFIG, else config/feedd.yaml), by default the
# first. It is published on its own port, or on ZMQ_FEED_HANDLER_URL; scripts/test_feed.py
# prints it. An embedded exchange in the configuration is started too.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
make -s .venv/.feedd
exec .venv/bin/python -m feedd.operation.one_feed "$@"
