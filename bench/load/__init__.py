"""The process that calls a system and takes the time; each system has one of its own.

    client.py     what a client of any system can do
    jobs.py       what may be asked of the process, and what it answers
    window.py     the time in which calls count
    loops.py      so many calls at a time; calls at fixed moments; calls of threads
    counting.py   many that add to one number, which is checked
    bulk.py       many keys at once
    __main__.py   the process: jobs come in, figures go out
    driver.py     the other end: who starts it and asks

A client in the process of the benchmark would share its interpreter with those of the rivals, and
what one leaves behind (connections, garbage, timers) would be paid by the next.
"""
