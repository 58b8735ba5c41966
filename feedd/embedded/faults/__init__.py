"""Faults of the embedded exchange: what real exchanges and networks do, on purpose and on time.

`registry` knows which are active and how often each happened; `events` says what they make of
events, `replies` of answers to SUBSCRIBE, `pages` of REST pages: all pure. `strikes` does what
happens to whole connections, and `control` is the page by which they are switched on.
"""
