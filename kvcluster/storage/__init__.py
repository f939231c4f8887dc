"""The durable dict: a table in memory, a journal of writes, a JSON file that people can read.

store.py              the three as one thing: begin here
block.py              many puts in columns, which travel and are journaled as they are
table.py              every entry, by slot; an entry as a message
key_index.py          every live key, in order
digests.py            what each slot holds, in 64 bits

journal.py            where a write is durable
promises.py           what this node has said that it will not take
commit_group.py       writes that go into it together
segment.py            one file of it
frames.py             how it stands on disk, so that damage shows itself
checkpoint.py         the JSON file, rewritten in the background
checkpoint_files.py   its files, written and installed
pieces.py             the table, cut small enough to be copied between two requests
versions.py           what JSON cannot say of its pairs

recovery.py           from the files to a table that lost nothing
base.py               the JSON file, what is known of it, and what a person may write there
found.py              what recovery finds
disk.py               the disk itself, which tests replace by a bad one
"""
