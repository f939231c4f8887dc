"""Security: who a caller is, and what he may do. Pure rules over values, as model/ is.

certificates.py   what a certificate says of who shows it, and whether he is a node
proof.py          a peer's proof by the secret of the cluster, where there is no certificate
roles.py          the file of tokens: names, what each may do, and until when
callers.py        what a caller has shown, and who he is by that
needs.py          what each method needs, and what of a request may be carried out

Nothing here touches a clock, a file or a socket: whoever acts brings what was shown, and the time
(server/guard.py on the side of the node, cluster/peers/channels.py on that of a peer).

There are two kinds of callers, and nobody is both by the same proof. A *peer* is another node: it
may replicate, forward and repair, and so do whatever it likes with the data. A *client* has a name,
by a token or a certificate, and roles. With nothing configured everybody is both, as on a machine
of one's own it should be.
"""
