"""Faults of the embedded exchange: failures of real exchanges and networks, on demand and on time.

`registry` holds the active faults and counts how often each happened. `events` applies them to
events, `replies` to answers to SUBSCRIBE, `pages` to REST pages: all pure. `strikes` applies them
to whole connections. `faults_page` is the page that switches them on; `director` schedules them.
"""
