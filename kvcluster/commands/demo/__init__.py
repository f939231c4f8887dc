"""The scripted demo, and the tour that shows it to who has only make.

demo.py            looks around, and plays
script.py          put, get and delete on every node
live_list.py       the live/dead list, and a look at it while it changes
tour.py            the demo, and a node that goes and returns; keys on two of three nodes
stage.py           commands that are shown, really run, and checked
local_cluster.py   servers on this machine, in a temporary folder
"""
