"""Finding texts and ids however they are spelled: in capitals, with accents decomposed, escaped.

fold_text    text as a person would compare it
scan_words   which lines hold one of many words, at the speed of a scan
match_texts  the closer look at what the scan has found
match_ids    ids in capitals or escaped
"""
