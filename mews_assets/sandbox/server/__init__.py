"""The Connector API over HTTP.

application      the ASGI application: addresses, the order of checks, the request log
operations       the paginated operations, a row each
request_rules    what is refused by looking at a request's body
access_control   tokens and the request limit
pages, exports   the answers
faults, control  faults on demand, and the control address
sandbox_parts    the parts of one running sandbox, held together
"""
