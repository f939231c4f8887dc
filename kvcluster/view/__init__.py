"""What a cluster looks like from outside, for whoever shows it: commands, shell and dashboard.

health.py          many nodes asked at once how they are
census.py          what all of them said, put together by whom it is about
notes.py           what is unusual about each
disagreements.py   where they contradict each other
wording.py         how times, amounts and reasons are put into words
histogram.py       how long calls took
meter.py           how far a long command has come
"""
