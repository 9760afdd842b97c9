"""The Connector API over HTTP.

application      the ASGI application: addresses, the order of checks, the request log
operation        the definition of an operation
operations       the paginated operations, a row each; of tables that are fetched if they are named: named_operations
reference_operations  those over reference tables
series_operations     those over figures that are computed, from balances and availability
request_rules    what is refused by looking at a request's body
access_control   tokens and the request limit
pages, exports   the answers
faults, control  faults on demand, and the control address
sandbox_parts    the parts of one running sandbox, held together
"""
