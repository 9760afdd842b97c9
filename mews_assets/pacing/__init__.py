"""One budget of requests per access token, for all processes of all machines that share a lake.

shares     how machines divide the budget among themselves: a small book that they replace in turn
machine    what the processes of one machine have started, and when the next may start
shared     the two together, as the pacing of a client

Why not a library: pyrate-limiter and others share a budget among machines through a server such as Redis. The lake is
there anyway, and its conditional replacements suffice.
"""
