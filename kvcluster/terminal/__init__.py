"""What a person at a terminal uses: client.py, kvcluster, health_check_client.py and `make demo`.

    health.py         many nodes asked at once how they are
    health_check.py   the same, printed: health_check_client.py, and health
    command_line.py   client.py: from its words to the command that they mean
    program.py          which program somebody types
    synonyms.py         the words of other stores
    parser.py           its commands and options
    parameters.py       what each command takes
    arguments.py        the kinds of arguments, each refused with a sentence
    manual.py           what --help says
    epilogs.py          what COMMAND --help says below the options
    performing.py       from options to what is done
    completion.py       the script for bash, zsh and fish
    version.py          what --version prints
    output.py           results for programs: --output json
    escaping.py         results for people: a pair on a line
    commands.py       put, get, delete and locate
    asking.py           which node is asked, and which is asked next
    value.py            the value of a put, from a file or standard input
    binary.py           bytes, as people are told of them
    spelling.py         keys that look the same and are not
    scanning.py       scan
    clearing.py       delete --prefix
    importing.py      import: what is said before and at the end
    importer.py         at work: chunks on their way, a bookmark behind them
    reading.py          the file or the pipe
    signatures.py       files that are none of ours, by how they begin
    chunks.py           cut into what one request carries
    exporting.py      export, in pages
    part.py             the file while it is being written
    formats.py        both: which format a file has
    pairs.py            JSON Lines and JSON
    rows.py             CSV
    bookmark.py       both: how far they came, and the proof
    bench.py          bench, told in a table and in bars
    load.py             the load itself
    histogram.py        how long calls took
    meter.py          the bar that shows progress
    stopping.py       Ctrl+C as a wish, for work that ends in good order
    status.py         client.py status, in a table; what is said there is decided by
    census.py           what all nodes said, put together by whom it is about
    notes.py            what is unusual about each of them
    disagreements.py    where they contradict each other
    status_watch.py     the table again and again
    demo.py           the scripted demo: looks around, and plays
    rounds.py           the rounds: put, get and delete on every node
    watch.py            the live/dead list, and a look at it while it changes
    wording.py        how states, times and amounts are put into words
    screen.py         text for people, and the calm end of a program
    streams.py          what is printed and typed, whole, whatever the streams are like
    interrupts.py     Ctrl+C for a program that has to clean up
    up.py             a cluster in one terminal
    local_cluster.py  three servers on this machine, in a temporary folder
    stage.py          commands that are shown, really run, and checked
    tour.py           `make demo`, first act: the demo and a node that goes and returns
    tour_of_parts.py    second act: a cluster where each node holds a part of the keys

It asks by the library (kvcluster/client), and by `Link` where a single node is meant; whatever is
shown here is what any client would see.
"""
