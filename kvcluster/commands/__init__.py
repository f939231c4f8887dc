"""The commands of client.py, kvcluster and health_check_client.py, one file each.

    command.py        what a command is, and which there are
    parser.py         the parser of all of them
    manual.py         what --help says
    identity.py       by what a program shows who it is: --tls-ca, --token-file, the environment
    synonyms.py       the words of other stores
    redis_words.py    arguments in the order of redis-cli
    lacking.py        what the store does not have, and what to do instead

    put.py            get.py, delete.py, locate.py and scan.py: the commands about keys
    keys.py           what these share
    only_if.py        conditions of a write, and what is told where one does not hold
    increment.py      incr
    time_left.py      ttl
    touch.py          and persist.py; what they share is in lifetimes.py
    locking.py        lock
    clearing.py       delete --prefix
    import_pairs.py   and export_pairs.py: the work is in bulk/
    status.py         the work is in status_table.py
    health_check.py   health, and health_check_client.py; the work is in health_lines.py
    top.py            the work is in kvcluster/dashboard/
    scripted_demo.py  the work is in demo/, which has the tour of `make demo`, too
    benchmark.py      the work is in bench/
    up.py             a cluster in one terminal; the work is in launching.py
    certs.py          certificates for trying out; the work is in authority.py
    completion.py     the script for bash, zsh and fish

They ask by the library (client/raw.py, and client/link.py where a single node is meant); whatever
is shown here is what any client would see. The shell and `top` have rooms of their own.
"""
