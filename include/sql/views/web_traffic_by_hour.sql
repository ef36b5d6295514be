-- How many visits does the web shop have in each hour, and how many of them become orders?
-- A filter on year, month, day and hour reads only those partitions of the sessions.
WITH traffic AS (
    SELECT
        year,
        month,
        day,
        hour,
        COUNT(*) AS sessions,
        COUNT_IF(is_mobile) AS mobile_sessions,
        COUNT_IF(converted) AS converted_sessions,
        CAST(SUM(page_views) AS bigint) AS page_views
    FROM web_sessions
    GROUP BY year, month, day, hour
),
orders AS (
    SELECT
        year,
        month,
        day,
        date_format(sold_at, '%H') AS hour,
        COUNT(*) AS orders,
        CAST(SUM(amount) AS decimal(18, 2)) AS revenue
    FROM sales_data
    WHERE store_id = 'WEB'
    GROUP BY year, month, day, date_format(sold_at, '%H')
)
SELECT
    traffic.year,
    traffic.month,
    traffic.day,
    traffic.hour,
    CAST(concat(traffic.year, '-', traffic.month, '-', traffic.day) AS date) AS traffic_date,
    traffic.sessions,
    traffic.mobile_sessions,
    traffic.page_views,
    traffic.converted_sessions,
    ROUND(100 * CAST(traffic.converted_sessions AS double) / traffic.sessions, 2) AS conversion_percent,
    COALESCE(orders.orders, 0) AS orders,
    COALESCE(orders.revenue, CAST(0 AS decimal(18, 2))) AS revenue
FROM traffic
LEFT JOIN orders
    ON orders.year = traffic.year
    AND orders.month = traffic.month
    AND orders.day = traffic.day
    AND orders.hour = traffic.hour
