"""Series: which days are asked for, and their figures, from every connection for its own enterprises.

The modules:

    intervals  the days that are due, and the ends of intervals
    matrix     rows from an answer that is a matrix of lists
    ask        the requests, and the figures by hotel
"""
