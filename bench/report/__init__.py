"""What is told of a run.

    results.py   what was measured, and the JSON file that keeps it
    summary.py   the same as lines: medians, spreads, ratios, goals met or missed
    figures.py   how numbers are written
    table.py     the lines on the terminal
    page.py      the lines in docs/performance.md
    plots.py     pictures beside that page

Everything here is made from results alone, so a page can be made anew without measuring anew, and a
test can say whether page and JSON agree.
"""
