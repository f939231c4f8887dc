"""What a person at a terminal uses: client.py, kvcluster, health_check_client.py and `make demo`.

    view/health.py         many nodes asked at once how they are
    health_check.py   the same, printed: health_check_client.py, and health
    kvcluster/command_line.py   client.py: from its words to the command that they mean
    console/program.py          which program somebody types
    synonyms.py         the words of other stores
    parser.py           its commands and options
    parameters.py       what each command takes
    arguments.py        the kinds of arguments, each refused with a sentence
    manual.py           what --help says
    epilogs.py          what COMMAND --help says below the options
    perform.py       from options to what is done
    completion.py       the script for bash, zsh and fish
    console/program.py          what --version prints
    console/output.py           results for programs: --output json
    console/escaping.py         results for people: a pair on a line
    keys.py       put, get, delete and locate
    outcome.py           which node is asked, and which is asked next
    value.py            the value of a put, from a file or standard input
    binary.py           bytes, as people are told of them
    spelling.py         keys that look the same and are not
    scanning.py       scan
    clearing.py       delete --prefix
    commands/bulk/importing.py      import: what is said before and at the end
    commands/bulk/importer.py         at work: chunks on their way, a bookmark behind them
    commands/bulk/reading.py          the file or the pipe
    commands/bulk/reading.py       files that are none of ours, by how they begin
    commands/bulk/chunks.py           cut into what one request carries
    commands/bulk/exporting.py      export, in pages
    commands/bulk/part.py             the file while it is being written
    commands/bulk/formats.py        both: which format a file has
    commands/bulk/pairs.py            JSON Lines and JSON
    commands/bulk/rows.py             CSV
    commands/bulk/bookmark.py       both: how far they came, and the proof
    commands/bench/bench.py          bench, told in a table and in bars
    commands/bench/load.py             the load itself
    view/histogram.py        how long calls took
    meter.py          the bar that shows progress
    console/stopping.py       Ctrl+C as a wish, for work that ends in good order
    status.py         client.py status, in a table; what is said there is decided by
    view/census.py           what all nodes said, put together by whom it is about
    view/notes.py            what is unusual about each of them
    view/disagreements.py    where they contradict each other
    status_watch.py     the table again and again
    commands/demo/demo.py           the scripted demo: looks around, and plays
    commands/demo/script.py           the rounds: put, get and delete on every node
    live_list.py            the live/dead list, and a look at it while it changes
    view/wording.py        how states, times and amounts are put into words
    console/screen.py         text for people, and the calm end of a program
    console/streams.py          what is printed and typed, whole, whatever the streams are like
    console/interrupts.py     Ctrl+C for a program that has to clean up
    up.py             a cluster in one terminal
    local_cluster.py  three servers on this machine, in a temporary folder
    commands/demo/stage.py          commands that are shown, really run, and checked
    commands/demo/tour.py           `make demo`, first act: the demo and a node that goes and
    returns commands/demo/tour_of_parts.py    second act: a cluster where each node holds a part of
    the keys

It asks by the library (kvcluster/client), and by `Link` where a single node is meant; whatever is
shown here is what any client would see.
"""
