"""What `--help` says: one page by hand.

argparse would list all commands in one heap. A person who opens this page has a wish, so it is
grouped by wishes, and fits 80 columns. Tests hold that every command and every option for all of
them stands here, and that no line is longer. What a single command's help says is in epilogs.py.
"""

from __future__ import annotations

from kvcluster.console.program import Program

PROGRAM = "client.py"
"""What stands for the name of the program in these texts."""

PAGE = """\
usage: client.py [--node H:P | --cluster H:P,...] [OPTIONS] COMMAND ...

Ask the key-value cluster. Without a command: {alone}.

one key or a few:
  put KEY VALUE         store a value; "-" reads it from standard input
  put KEY --file FILE   store what is in a file, a picture as well
  get KEY...            print the value; --binary writes stored bytes
  delete KEY...         remove keys; --prefix P removes all that begin with P
  locate KEY            show which nodes hold a key

many keys:
  scan [PREFIX]         print pairs in the order of their keys
  import FILE           store the pairs of a file: .jsonl, .json, .csv, each
  export FILE           also .gz; write pairs to such a file

the cluster:
{others}  up                    run one in this terminal, until Ctrl+C
  health [H:P...]       ask nodes how they are, a line each
  status                show all nodes, and what they say of each other;
                        --watch goes on showing them
  top                   watch the cluster in the terminal, live
  demo                  put, get and delete on every node, each step checked
  bench                 measure how fast your cluster is

this program:
  shell                 type these commands at a prompt, with history and Tab
  completion SHELL      print what makes bash, zsh or fish complete
  help [COMMAND]        the same as COMMAND --help
  --version             print the version

options, before or after the command:
  --cluster H:P,...     the nodes (default:
                        {nodes})
  --node H:P            ask this node only (about one key), or this one first
  --timeout S           seconds to wait for an answer (default: 5; status: 2)
  -o, --output FORMAT   text or json; errors are sentences on standard error
  -h, --help            this page; after a command: all about that command

environment:
  KV_NODES              as --cluster, if neither --node nor --cluster is given

examples:
  client.py put city "Hà Nội"          store a value
  client.py get city                   print it
  client.py put note - < note.txt      store what standard input says
  client.py put degrees -- -7          a value that begins with a dash
  client.py get city --node localhost:50052
  client.py scan user/ --keys-only     the keys that begin with user/
  client.py status                     all nodes, and what they say

exit codes:
  0    done; every node answers, serves and takes writes, and no two disagree
       (status)
  1    a key is not there (get); a step did not hold, or no node is up (demo);
       a node does not answer or serve, or is full, or nodes disagree (status);
       some calls failed (bench); lines were left out (import --skip-bad);
       nothing was deleted, you said no (delete --prefix)
  2    bad usage, a file that cannot be read, or a key, value or line that the
       cluster does not take
  3    no node could be reached or would do it, the outcome is unknown, or keys
       are missing because no live node holds them; standard error says which.
       Also: what was to be printed could not be written
  130  interrupted by Ctrl+C
  141  whoever read the output went away
"""


def page(program: Program) -> str:
    """The page of a program."""
    others = "".join(f"  {it.name:<20}  {it.text}\n" for it in program.others)
    text = PAGE.replace("{alone}", "the scripted demo" if program.alone else "this page")
    text = text.replace("{others}", others).replace("{nodes}", program.default_cluster)
    return text.replace(PROGRAM, program.name)
