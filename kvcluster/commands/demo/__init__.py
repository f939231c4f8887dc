"""The scripted demo, and the tour that shows it to who has only make.

demo.py            looks around, and plays
script.py          put, get and delete on every node
live_list.py       the live/dead list, and a look at it while it changes
tour.py            first act: the demo, and a node that goes and returns
tour_of_parts.py   second act: a cluster where each node holds a part of the keys
stage.py           commands that are shown, really run, and checked
local_cluster.py   servers on this machine, in a temporary folder
"""
