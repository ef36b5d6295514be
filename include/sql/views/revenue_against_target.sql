-- How far has each store come towards its revenue target of the month?
-- A store without a target, or a target without a sale, is listed too.
WITH revenue AS (
    SELECT
        year,
        month,
        store_id,
        COUNT(*) AS transactions,
        CAST(SUM(amount) AS decimal(18, 2)) AS revenue
    FROM sales_data
    GROUP BY year, month, store_id
),
targets AS (
    SELECT
        year,
        month,
        store_id,
        MAX(store_name) AS store_name,
        CAST(SUM(revenue_target) AS decimal(18, 2)) AS revenue_target
    FROM store_targets
    GROUP BY year, month, store_id
)
SELECT
    COALESCE(targets.year, revenue.year) AS year,
    COALESCE(targets.month, revenue.month) AS month,
    CAST(concat(COALESCE(targets.year, revenue.year), '-', COALESCE(targets.month, revenue.month), '-01') AS date)
        AS target_month,
    COALESCE(targets.store_id, revenue.store_id) AS store_id,
    targets.store_name,
    COALESCE(revenue.transactions, 0) AS transactions,
    COALESCE(revenue.revenue, CAST(0 AS decimal(18, 2))) AS revenue,
    targets.revenue_target,
    ROUND(100 * CAST(revenue.revenue AS double) / NULLIF(CAST(targets.revenue_target AS double), 0), 1)
        AS attainment_percent
FROM targets
FULL OUTER JOIN revenue
    ON revenue.year = targets.year
    AND revenue.month = targets.month
    AND revenue.store_id = targets.store_id
