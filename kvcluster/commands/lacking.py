"""What the store does not have: commands and options of others, and what to do instead.

A word for something that is not here gets a sentence that says so. A guess at its spelling never
could: `incr` is near to `info`, and an option that nobody knows would be taken for a key.
"""

from __future__ import annotations

_ATOMIC = "get the key, then: put KEY NEW --if-value OLD, which is done only if nobody came between"
_TTL = "put KEY VALUE --ttl 30s expires; touch KEY --ttl 30s gives a key that is there its time"
_AT_A_TIME = "a time to live is given from now on: touch KEY --ttl 30s"
_TRANSACTIONS = "there are no transactions; a put may have a condition: --if-value, --if-version"
_TEXTS = "a value is one text, with no parts; keep JSON in it, or a key for each part: user/1/name"
_LOGIN = "who asks is shown by --tls-cert and --tls-key, or by a token: --token-file F, KV_TOKEN"
_NO_WATCH = "keys cannot be watched; scan again, or look at the nodes with: top"
_LOCKS = "lock KEY -- COMMAND holds a lock while a command runs; keys expire by themselves: --ttl"
_ONE_SPACE = (
    "there is one space of keys; give those that belong together a prefix: put app/city Huế"
)
_AT_ONCE = "there is nothing to do by hand for that; it is done while the nodes run"
_MEMBERS = "the members are those of --cluster, the same on every node; docs/operate.md tells more"
_SQL = "this is no SQL; put KEY VALUE stores a pair, scan prints all of them"

COMMANDS = {
    **dict.fromkeys(
        ("append", "getset", "getdel", "getex", "incrbyfloat", "prepend"),
        _ATOMIC,
    ),
    **dict.fromkeys(("expireat", "pexpireat", "expiretime"), _AT_A_TIME),
    **dict.fromkeys(
        ("txn", "multi", "exec", "discard", "begin", "commit", "rollback", "transaction"),
        _TRANSACTIONS,
    ),
    **dict.fromkeys(
        ("hset", "hget", "hgetall", "hdel", "lpush", "rpush", "lpop", "rpop", "lrange", "llen"),
        _TEXTS,
    ),
    **dict.fromkeys(("sadd", "srem", "smembers", "zadd", "zrange", "xadd", "type"), _TEXTS),
    **dict.fromkeys(("auth", "login"), _LOGIN),
    **dict.fromkeys(
        ("acl", "user", "role"), "who may do what stands in the file that nodes name by --tokens"
    ),
    **dict.fromkeys(("watch", "subscribe", "psubscribe", "publish", "unwatch"), _NO_WATCH),
    **dict.fromkeys(("unlock", "lease"), _LOCKS),
    "elect": "Election in kvcluster.recipes does that for programs; lock KEY -- COMMAND is near",
    **dict.fromkeys(("select", "use", "swapdb", "create", "tables", "schema"), _ONE_SPACE),
    **dict.fromkeys(("select *", "insert into", "explain"), _SQL),
    **dict.fromkeys(
        ("compact", "compaction", "defrag", "vacuum", "bgsave", "bgrewriteaof"), _AT_ONCE
    ),
    **dict.fromkeys(
        ("member add", "member remove", "member update", "cluster meet", "cluster forget"), _MEMBERS
    ),
    "mset": "put stores one pair; import stores those of a file",
    "exists": "ask with get, which ends with 1 where there is no such key",
    "rename": "put the value under the new key, then delete the old one",
    "mv": "put the value under the new key, then delete the old one",
    "cp": "put the value under the other key",
    "copy": "put the value under the other key",
    "config": "settings are options of the server, whose --help shows them",
    "alarm": "status tells what is wrong, a full disk as well",
    "logs": "each server logs in its own terminal",
    "shutdown": "press Ctrl+C in the terminal of a server",
    "stop": "press Ctrl+C in the terminal of a server",
    "describe": "locate shows a key, status the nodes",
    "apply": "import stores the pairs of a file",
    "edit": "get the key into a file, edit that, and: put KEY --file FILE",
}
"""What is not here, one word or two."""

ELSEWHERE = {
    **dict.fromkeys(("exit", "quit"), "that ends the shell; a command line ends by itself"),
    "clear": "that is for the shell of this program; your own has one, too",
    "shell": "this is it; exit ends it",
    "completion": "Tab completes here; that is for bash, zsh and fish, outside of this shell",
    "server": "a node is a program of its own: python server.py 50051",
}
"""Commands that are not in the program that was asked, where another one has them."""

OUTSIDE = "type it outside of this shell"
"""For those commands of the command line that are not among them."""

_SCANS = "scan is for many keys: scan PREFIX --keys-only, --count, --limit N, --start-after KEY"
_WHOM = "--node names one node, --cluster all of them"
_TLS = "TLS is spoken with --tls-ca F, and where a node asks for it --tls-cert F and --tls-key F"

OPTIONS = {
    **dict.fromkeys(("--lease", "--ttl", "--ex", "--px", "-ex", "--expire"), _TTL),
    **dict.fromkeys(("--nx", "-nx", "--xx"), "--if-absent puts only where no such key is"),
    **dict.fromkeys(("--consistency", "--quorum"), "get KEY --linearizable asks a majority"),
    **dict.fromkeys(("-w", "--write-out", "--json", "--raw", "--hex"), "-o json prints objects"),
    **dict.fromkeys(
        ("--endpoints", "--host", "--hosts", "--port", "--server", "-p", "-H", "-s"), _WHOM
    ),
    **dict.fromkeys(("--prefix", "--from-key", "--keys-only", "--count-only", "--count"), _SCANS),
    **dict.fromkeys(("--limit", "--rev", "--order", "--sort-by", "--pattern"), _SCANS),
    **dict.fromkeys(("-a", "--user", "--username", "--password", "--pass", "--token"), _LOGIN),
    **dict.fromkeys(("--cacert", "--cert", "--key", "--tls", "--insecure"), _TLS),
    **dict.fromkeys(("-n", "--namespace", "--db"), _ONE_SPACE),
    **dict.fromkeys(("-r", "-rf", "--recursive"), "delete --prefix P removes all that begin so"),
    **dict.fromkeys(("--dial-timeout", "--command-timeout", "-t"), "--timeout S is how long"),
    "--prev-kv": "get the key before that to see what was there",
    "--print-value-only": "get prints the value and nothing else",
    "-x": 'the value "-" is standard input',
    "-f": "put KEY --file FILE stores what is in a file, import FILE its pairs",
}
"""Options that some command of ours does not have."""
