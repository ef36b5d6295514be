-- How many rows of each source were loaded and kept out, for each day that the files cover?
-- It reads how many rows there are, not the rows. The targets of a month are of its first day.
WITH loaded AS (
    SELECT CAST('sales' AS varchar) AS entity, CAST(concat(year, '-', month, '-', day) AS date) AS covered_day
    FROM sales_data
    UNION ALL
    SELECT CAST('web_sessions' AS varchar) AS entity, CAST(concat(year, '-', month, '-', day) AS date) AS covered_day
    FROM web_sessions
    UNION ALL
    SELECT CAST('store_targets' AS varchar) AS entity, CAST(concat(year, '-', month, '-01') AS date) AS covered_day
    FROM store_targets
),
rejected AS (
    SELECT entity, covered_day
    FROM rejected_rows
),
counted AS (
    SELECT entity, covered_day, COUNT(*) AS rows_loaded, CAST(0 AS bigint) AS rows_rejected
    FROM loaded
    GROUP BY 1, 2
    UNION ALL
    SELECT entity, covered_day, CAST(0 AS bigint) AS rows_loaded, COUNT(*) AS rows_rejected
    FROM rejected
    GROUP BY 1, 2
)
SELECT
    entity,
    covered_day,
    CAST(SUM(rows_loaded) AS bigint) AS rows_loaded,
    CAST(SUM(rows_rejected) AS bigint) AS rows_rejected
FROM counted
GROUP BY entity, covered_day
