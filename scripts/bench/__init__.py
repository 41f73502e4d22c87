"""`make bench`: what the service costs, as ratios that one run measures (Linux only: it reads `/proc`).

The service (everything on: key check, ledger, metrics, log line, disconnect watch, response cache), a bare
FastAPI endpoint and the wire simulator run as processes of their own. Whatever is measured is pinned to
core 0; the simulator, Redis and the load share core 1. Subjects take turns, round by round, so that a
machine whose speed drifts slows them alike. What counts is the CPU time of the measured process and ratios
of it: absolute numbers say more about the machine than about the code. Every answer is checked, and a
wrong one ends the run.
"""
