CREATE EXTERNAL TABLE IF NOT EXISTS $database.$table (
$columns
)
$comment
PARTITIONED BY (
$partition_keys
)
STORED AS PARQUET
LOCATION '$location'
TBLPROPERTIES (
$properties
)
