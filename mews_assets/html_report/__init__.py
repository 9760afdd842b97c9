"""The report: one HTML file with the figures and plots of all marts, hotel by hotel. It needs no network.

Lives here: what a report is made of (`model`), reading what the marts hold (`content`), plots as Plotly figures
(`figures`), and the file (`page`, with its template). Not here: computing the marts (`marts`), when the report is made,
and what Dagster knows of checks (`defs`).

Plotly was chosen over Bokeh and Altair: it stacks negative amounts, needs no code of ours in the browser to draw a
plot, and its figures are plain dictionaries. Its script is 4.8 MB of the file (Bokeh's is 1.3 MB, and each figure
larger; Altair needs a package of 84 MB for a script of 0.9 MB). It is an extra: who wants no report installs nothing.
"""
