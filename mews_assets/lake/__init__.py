"""WHERE bytes rest. No HTTP, no Dagster.

Reading order:
    errors           what can go wrong with files and records
    layout           where everything in the lake stands
    store            the lake as a place for files, each put in place whole
    landing          captures: what Mews sent, kept as it came
    export_log       exports asked for and not yet landed
    shape, records   what a record must look like, and naming what is wrong with one
    scan             whether lines look like that, by compiled code (_scan.c) or by a regular expression
    lines            every line of a file checked against its table
    exact            numbers that a double cannot hold, kept aside and put into their rows
    engine, convert  JSON Lines to Parquet
    reference        tables without windows, replaced whole
    hiding           personal data in rows: hashed, dropped, or a forgotten person's
    redaction        the same in landed lines
    policy           what the lake remembers of how it treats personal data
    forgotten        who was forgotten and may not come back
    dealing          which partition each row belongs to
    partition_files  writing partitions
    boundary         rows at a capture's end, kept for a window nobody asked for yet
    changes          merging captures into partitions: nothing lost, nothing twice
    newest           which version is the newest, and two runs of rows put together
    history          many files read down to the newest of each id
    current          the newest version of each record, one file per scope
    rewriting        one Parquet file written anew with values changed
    repolicy         a lake brought under another policy
    forget, search   a customer taken out of everything, and the proof
    learning, telling, owed    what is known of them, what of it is looked for, and what has still to be
    folding, literals, needles, naming    texts and ids found however they are spelled
    retention        how long raw bytes are kept
    measures         what is true of a partition on disk
    holdings         what a table holds
    sql              a view for every table, and running one query
"""
