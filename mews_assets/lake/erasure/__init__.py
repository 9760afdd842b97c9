"""One customer taken out of every file of the lake, and the search that proves it.

erase_customer     the order of the work
known_texts        what the lake knows of a person: ids, and the texts of their own records
identifying_texts  which of these texts tell who somebody is
verify_erasure     the search of the whole lake for what is left
record_texts       the texts in a record, each with its field
pending_searches   searches that an interrupted erasure still owes
unreadable_files   files that cannot be read, reported at the end
"""
