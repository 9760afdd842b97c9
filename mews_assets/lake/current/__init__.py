"""Current: the newest version of each record, one Parquet file per scope.

update         updating the file of one scope from changes and the snapshot
version_order  which of two versions is the newer
latest_rows    many files of versions reduced to the newest version of each id, in bounded memory
snapshot       the records in exports of all records of a scope
"""
