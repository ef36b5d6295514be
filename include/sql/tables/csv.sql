CREATE EXTERNAL TABLE IF NOT EXISTS $database.$table (
$columns
)
$comment
PARTITIONED BY (
$partition_keys
)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
WITH SERDEPROPERTIES (
$serde_properties
)
STORED AS TEXTFILE
LOCATION '$location'
TBLPROPERTIES (
$properties
)
