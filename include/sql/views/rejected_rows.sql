-- Which rows were kept out of the tables, where do they stand, and why?
-- reason_kind is the reason without the values that it quotes, so that rows with the same fault are counted together.
WITH rejects AS (
    SELECT
        CAST('sales' AS varchar) AS entity,
        concat(year, '-', month, '-', day) AS partition_key,
        CAST(concat(year, '-', month, '-', day) AS date) AS covered_day,
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
        CAST(concat(year, '-', month, '-', day) AS date) AS covered_day,
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
        CAST(concat(year, '-', month, '-01') AS date) AS covered_day,
        source_file,
        line,
        "column" AS column_name,
        reason,
        raw
    FROM store_targets_rejects
)
SELECT
    entity,
    partition_key,
    covered_day,
    source_file,
    line,
    column_name,
    reason,
    CAST(regexp_replace(reason, '''[^'']*''|"[^"]*"', '…') AS varchar) AS reason_kind,
    -- QuickSight takes 2,047 characters of a text; the table has the rest.
    substr(raw, 1, 2000) AS raw
FROM rejects
