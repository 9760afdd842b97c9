"""Changes: every version of every record once, one Parquet file per partition.

merge                 merging captures into the partitions they cover
assign_partitions     which partition each arrived row belongs to
edge_rows             rows stamped at a capture's end, kept until their window is asked for
lost_partitions       landed captures read once more, for partitions whose file is gone
newer_captures        captures merged before an older one, which may hold the last content of a version
partition_writer      writing many partition files from one ordered pass
unchanged_partitions  partitions that nothing new came for
merge_result          what a merge did, for metadata and checks
"""
