"""Changes: every version of every record once, one Parquet file per partition.

merge                 which captures are merged, together or one by one
merge_pass            one merge of converted captures, from rows to files in place
assign_partitions     which partition each arrived row belongs to
convert_captures      captures converted for a merge, each by itself
edge_rows             rows stamped at a capture's end, kept until their window is requested
lost_partitions       landed captures read again, for partitions whose file is missing
newer_captures        captures merged before an older capture, which may hold the last content of a version
partition_writer      writing many partition files in one ordered pass
unchanged_partitions  partitions without new rows
merge_result          the result of a merge, for metadata and checks
"""
