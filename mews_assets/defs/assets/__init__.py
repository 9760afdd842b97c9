"""The assets: one module per layer, and the events of their runs.

landing_and_changes   one op per operation of Mews, for landing/<table> and changes/<table>
requested_partitions  which partitions a run was asked for
run_log               the lines of a run's log
run_failures          the failure of a run
report                materialisations of a run
snapshot              snapshot/<table>
current               current/<table>
reference             reference/<table>
marts                 marts/<name>
series                series/<name>
sql_catalog           sql/catalog
delta                 delta/<name>
html_report           the report of all marts, as one HTML page
start_here            the page to begin with
retention             the daily job that expires captures
run_retention         the daily job that deletes old runs
"""
