-- How did each day go, on its own and beside the week before it?
-- Days without a sale are missing, so the comparisons count days with sales.
WITH sales AS (
    SELECT
        sales_date,
        CAST(SUM(transactions) AS bigint) AS transactions,
        CAST(SUM(revenue) AS decimal(18, 2)) AS revenue,
        CAST(MAX_BY(product_category, revenue) AS varchar) AS best_category
    FROM revenue_by_day_and_category
    GROUP BY sales_date
),
web AS (
    SELECT
        traffic_date,
        CAST(SUM(sessions) AS bigint) AS sessions,
        CAST(SUM(converted_sessions) AS bigint) AS converted_sessions
    FROM web_traffic_by_hour
    GROUP BY traffic_date
)
SELECT
    sales.sales_date,
    sales.transactions,
    sales.revenue,
    LAG(sales.revenue, 7) OVER (ORDER BY sales.sales_date) AS revenue_a_week_before,
    ROUND(
        AVG(CAST(sales.revenue AS double)) OVER (ORDER BY sales.sales_date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW), 2
    ) AS revenue_7_day_average,
    sales.best_category,
    web.sessions,
    ROUND(100 * CAST(web.converted_sessions AS double) / NULLIF(web.sessions, 0), 2) AS conversion_percent
FROM sales
LEFT JOIN web ON web.traffic_date = sales.sales_date
