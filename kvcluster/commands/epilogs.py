"""What stands below the help of each command: what its options do not say, examples, exit codes.

An example is what a person looks for first, and a script needs the codes. Tests hold that each
command has both, and that no line is longer than 80. `client.py` stands for the program that is
asked (parser.py puts its name there).
"""

from __future__ import annotations

PUT = """\
examples:
  client.py put city "Hà Nội"
  client.py put note - < note.txt      byte for byte
  client.py put photo --file photo.jpg
  client.py put degrees -- -7          a value that begins with a dash

What is no text in UTF-8 is stored as one that says so: data:;base64,... Such
bytes come back by get --binary, or by get_bytes in the library.

exit codes:
  0  stored
  2  bad usage, or a key or value that the cluster does not take
  3  no node could be reached, or the outcome is unknown
"""

GET = """\
With one key the value is printed as it is, and nothing else, into a file byte
for byte. With several, each is a line: the key, a tab, the value, escaped as by
scan. A terminal is told of stored bytes what they are; --binary writes them.

examples:
  client.py get city
  client.py get city tree              two lines
  client.py get note > note.txt
  client.py get photo --binary > photo.jpg
  client.py get city -o json

exit codes:
  0  printed
  1  a key is not there
  2  bad usage, or a key that the cluster does not take
  3  no node could be reached
"""

DELETE = """\
Removing a key that is not there is no error. With --prefix the number of keys
is told first and you are asked; --yes is the answer for scripts.

examples:
  client.py delete city
  client.py delete city tree
  client.py delete --prefix user/

exit codes:
  0  removed, or not there
  1  nothing was deleted, you said no
  2  bad usage, or a key that the cluster does not take
  3  no node could be reached, or the outcome is unknown
"""

LOCATE = """\
examples:
  client.py locate city
  client.py locate city -o json

exit codes:
  0  shown, whether the key is there or not
  2  bad usage, or a key that the cluster does not take
  3  no node could be reached
"""

SCAN = """\
Pairs come in the order of the UTF-8 bytes of their keys, each a line: the key,
a tab, the value. In both, a tab is written \\t, a line's end \\n or \\r, a
backslash \\\\, and other control characters as \\x1b and the like, so that a line
is a pair. With --keys-only: a key a line. With --output json: JSON Lines, which
import takes.

examples:
  client.py scan
  client.py scan user/ --limit 10
  client.py scan user/ --count
  client.py scan --keys-only --start-after m

exit codes:
  0  printed, even if there was nothing
  2  bad usage
  3  no node could be reached, or some keys are missing because no live node
     holds them: what was found is printed, standard error says what is missing
"""

HEALTH = """\
A line for each node: its state, how long the answer took, its keys, its peers.
Without addresses all nodes are asked.

examples:
  client.py health
  client.py health localhost:50051 localhost:50052

exit codes:
  0  every node serves
  1  at least one does not
  2  bad usage
"""

UP = """\
Starts the nodes, shows their logs, and ends them all in good order. Other
terminals use them meanwhile; a node that is stopped there leaves the others
running. The data is in D, as data_node_<port>.json.

examples:
  client.py up
  client.py up --dir data
  client.py up --nodes 5 --replicas 3 --port 6001

exit codes:
  0  Ctrl+C, and every node ended in good order
  1  a node could not start, or ended by itself
  2  bad usage
"""

STATUS = """\
columns:
  state         what the node says of itself or, if it does not answer, what the
                others say of it
  keys, size    what it holds
  primary/held  of how many slots it is the primary, and how many it holds
  JSON age      how long ago its JSON file was last complete
  uptime        since it was started

Below the table stands what is unusual, and where nodes disagree. Members that
only the answers name are asked as well.

examples:
  client.py status
  client.py status --watch             until Ctrl+C
  client.py status -o json

exit codes:
  0  every node answers, serves and takes writes, and no two disagree;
     Ctrl+C (--watch)
  1  otherwise
  3  no node answers
"""

TOP = """\
Nodes, rates, latencies, slots and events on one screen that fits 80x24; the
keys that it takes stand at its foot. It needs: pip install textual

examples:
  client.py top
  client.py top --node localhost:50052     the others are learned from it
  client.py top --interval 1

exit codes:
  0  you ended it
  2  bad usage, no terminal, or a part is not installed
"""

DEMO = """\
examples:
  client.py
  client.py demo --cluster localhost:50051,localhost:50052

exit codes:
  0  every step held
  1  a step did not hold, or no node is up
"""

IMPORT = """\
JSON Lines: {"key": "a", "value": "1"} on each line. JSON: {"a": "1", ...}, one
flat object, as a node's data_node_*.json; it is read as a whole. The name says
which (.jsonl, .json), or the beginning of the file.

A line that cannot be stored ends the import; everything before it is stored.
How far it has come stands in FILE.kv-progress: after Ctrl+C, a crash, or a line
that you mended, the same command goes on from there. The last second may then
be stored twice; who wrote the same keys in between is overwritten by that.

examples:
  client.py import users.jsonl
  client.py import data_node_50051.json --cluster other:50051
  zcat users.jsonl.gz | client.py import -

exit codes:
  0  everything is stored
  1  everything but the lines that were left out (--skip-bad)
  2  bad usage, a file that cannot be read, or a line that cannot be stored
  3  no node could be reached
"""

EXPORT = """\
Pairs are written in the order of their keys to FILE.kv-part, which becomes FILE
at the end. After Ctrl+C or a crash the same command goes on with it. An export
is no snapshot: what is written meanwhile may be in it or not.

examples:
  client.py export all.jsonl
  client.py export users.json --prefix user/
  client.py export - | gzip > all.jsonl.gz

exit codes:
  0  everything is written
  2  bad usage, or a file that is there already (see --force)
  3  no node could be reached, or some keys are missing because no live node
     holds them
"""

BENCH = """\
Stores --keys keys under a prefix of its own, then reads and overwrites them at
random with --clients calls at a time, each beginning when the one before it has
ended. Calls travel in batches, as AsyncClient sends them. Its keys are removed
at the end.

examples:
  client.py bench
  client.py bench --duration 60 --clients 200 --reads 50
  client.py bench -o json

exit codes:
  0  measured, and no call failed
  1  measured, and some calls failed
  2  bad usage
  3  no node could be reached
"""

SHELL = """\
The commands are those of client.py, without it in front. Up, Down and Ctrl+R
go through what was typed before, Tab completes commands, options, files and
keys. Ctrl+C cancels a command, Ctrl+D ends the shell. It stays with one node;
when that one does not answer, it moves to another and says so in a line. With
--node it asks that one only.

Without a terminal it runs the commands of its standard input, a line each;
empty lines and lines that begin with # are skipped, and an error does not end
it.

Lines are kept in ~/.local/state/kvcluster/history, or below $XDG_STATE_HOME;
one that begins with a space is not.

examples:
  client.py shell
  client.py shell --cluster localhost:50051,localhost:50052
  client.py shell < commands.txt

exit codes:
  0  it was ended; without a terminal: no line failed
  2  bad usage; without a terminal, the code of the last line that failed
"""

COMPLETION = """\
examples:
  source <(python client.py completion bash)          or this line in ~/.bashrc
  eval "$(python client.py completion zsh)"           or in ~/.zshrc
  python client.py completion fish | source
  python client.py completion fish > ~/.config/fish/completions/client.py.fish

The words are completed behind client.py, ./client.py and python client.py.
"""

HELP = """\
examples:
  client.py help
  client.py help import
"""
