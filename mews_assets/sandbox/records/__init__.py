"""Records of the sandbox: versions, their store, and queries.

entities      the entity types that are served
versions      one state of one record
store         versions in one SQLite file
record_query  conditions on records, and their SQL
user_files    the user's own JSON Lines as versions
"""
