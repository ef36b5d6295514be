-- Which rows were kept out of the tables, where do they stand, and why?
SELECT
    CAST('sales' AS varchar) AS entity,
    concat(year, '-', month, '-', day) AS partition_key,
    source_file,
    line,
    "column" AS column_name,
    reason,
    raw
FROM sales_data_rejects
UNION ALL
SELECT
    CAST('web_sessions' AS varchar) AS entity,
    concat(year, '-', month, '-', day, 'T', hour) AS partition_key,
    source_file,
    line,
    "column" AS column_name,
    reason,
    raw
FROM web_sessions_rejects
UNION ALL
SELECT
    CAST('store_targets' AS varchar) AS entity,
    concat(year, '-', month) AS partition_key,
    source_file,
    line,
    "column" AS column_name,
    reason,
    raw
FROM store_targets_rejects
