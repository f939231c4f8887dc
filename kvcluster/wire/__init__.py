"""The border to gRPC, the same for nodes and for clients.

dial.py         how a channel is opened, and how a server is bound
way.py          the channel to one address, and another when its certificates change
tls.py          certificates and keys, and what gRPC is given of them
tls_trouble.py  what is wrong where TLS is in the way, and gRPC does not say
kept_files.py   what was read from files, and is read again when they change
parsing.py      bytes from outside may be no message at all
bounds.py       how long each kind of message may be, and of how many fields
kinds.py        the messages of each kind of operation
outline.py      the fields of a message, counted before it is parsed
asked.py        what clients ask for, as operations, and what cannot be
answered.py     what they are answered, and what has room in an answer
limits.py       the sizes of keys, values and entries
failures.py     how an error reads on the wire, and how it is read again
error_info.py   what a failed call carries for programs
call_stream.py  many calls over one stream, on the side of the caller
call_course.py  one such stream, from its beginning to its end
stream_words.py what is said there, as the error of a call alone
on_the_way.py   which calls a stream has, and what its end means for each
delivery.py     what gRPC's own words say of whether a request can have arrived
"""
