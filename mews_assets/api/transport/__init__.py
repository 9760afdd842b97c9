"""Requests over HTTP: where they may go, how fast, and reading answers within bounds.

address     where tokens and links may travel
ssrf_guard  which machines a link may lead to
proxies     what the environment says about proxies and certificates
pacing      staying under the request limit
retry       what a status asks of us, and how long to wait
bodies      what an answer holds, unpacked within a bound
send        one request and its answer, within a bounded time
"""
