"""One customer removed from every file of the lake, and a search that proves it.

erase_customer     the order of the work
known_texts        what the lake knows of a person: ids, and the texts of their own records
identifying_texts  which of these texts identify the person
verify_erasure     the search of the whole lake for remaining texts
record_texts       the texts in a record, each with its field
pending_searches   the texts of an erasure whose search has not ended
unreadable_files   files that cannot be read, reported at the end
"""
