"""A simulated Mews: the Connector API over HTTP, with simulated hotels and faults on demand.

Start it with `python -m mews_assets.sandbox`, or in a test with `running.running_sandbox`. Of the project's other
packages it imports only `catalog`.

    clock       the sandbox's clock, which can be set and moved
    records     versions of records: where they are stored, the user's own files, queries over them
    server      the API over HTTP: rules, limits, pages, exports, faults, control
    simulation  hotels simulated from a seed
    running     a sandbox served from a thread
    command     `mews-assets sandbox`
"""
