"""What is true of the rows on disk, measured for the checks.

measures       counts and rule violations of many partition files, in one query
rules          what must hold of a table's rows, as SQL derived from the catalog
double_entry   where debits and credits differ
tax_precision  how finely each enterprise rounds its taxes
references     whether ids lead to records the lake has
versions       the newest version of each id in a file
ledger_moves   what the entries move each ledger by, on each day
volume         the rows of a partition against the same weekday of earlier weeks
"""
