"""Chaos: real processes, real faults, and proof that every loss is reported.

`make chaos` runs all cases and writes `docs/reliability.md`; `tests/integration/test_chaos.py` runs
the short ones with every test run. A case is one function in a file by theme, registered with
`frame.case`.
"""
