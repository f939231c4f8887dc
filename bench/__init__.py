"""The measure: how fast we are beside what people would pick instead, in one run on one machine.

    python -m bench --quick
    python -m bench --only put-one,puts-64 --tree HEAD~1

Machines differ and are noisy, so a figure alone says little. What counts is the ratio of two that
were taken one right after the other: every case is measured in rounds, each system once a round,
the order turned round from one round to the next.

    options.py      the command line
    contest.py      one run: which systems take part, what was measured, what was skipped and why
    scale.py        how much is measured: for hours of quiet, for three minutes, or for a test
    cases.py        what is measured, in which unit, and the goals
    trees.py        other checkouts of ours, to be measured beside this one
    systems/        ours and the rivals, one file each: how to start one, how to call it
    load/           the process that calls a system and takes the time
    measure/        medians and ratios; processor time and memory; what machine this is
    stages/         the cases, by what must be set up for them
    report/         the table on the terminal, the JSON file, the page in docs, the plots

Every system has processes of its own, and so has whoever calls it; all of them end with the run,
however it ends (`systems/processes.py`). A rival that is not here is skipped, with a line that says
how to get it.

Rejected: pytest-benchmark and pyperf. They time functions of one process; what is compared here
are groups of processes, of which each must be running when its turn comes.
"""
