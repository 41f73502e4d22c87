"""Jobs that outlive their process, on DBOS.

    dbos_jobs   the Jobs port: the periodic look that finds work, hands it to DBOS and takes it over
    bodies      the jobs that run in this process, each tried again until it has ended
    executors   which processes live: a lease for each
    engine      DBOS itself, imported and launched when there is first something to do
    threads     blocking calls, off the event loop

What there is to do stands in the rooms' own rows, not in DBOS: it keeps only who runs what. Its database
may be lost at any time, and every unfinished work is found again.
"""
