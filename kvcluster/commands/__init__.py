"""The commands of client.py, kvcluster and health_check_client.py, one file each.

    parser.py         which commands and options there are
    parameters.py     what each command takes
    manual.py         what --help says
    epilogs.py        what COMMAND --help says below the options
    synonyms.py       the words of other stores
    lacking.py        what the store does not have, and what to do instead
    completion.py     the script for bash, zsh and fish
    perform.py        from options to the command that is meant

    keys.py           put, get, delete and locate
    outcome.py        how it is told that none could do it
    value.py          the value of a put, from a file or standard input
    binary.py         bytes, as people are told of them
    scanning.py       scan
    clearing.py       delete --prefix
    bulk/             import and export
    bench/            bench
    demo/             the scripted demo, and the tour of `make demo`
    up.py             a cluster in one terminal
    health_check.py   health, and health_check_client.py
    status.py         the whole cluster in one table
    status_watch.py   the same again and again

They ask by the library (client/raw.py, and client/link.py where a single node is meant); whatever
is shown here is what any client would see. The shell and `top` have rooms of their own.
"""
