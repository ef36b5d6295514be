-- Of the customers who first ordered in a month, how many order again, how much later, and for how much?
-- Cancelled orders count nowhere. Revenue is in euros, whatever the order's currency.
WITH active_months AS (
    SELECT
        customer_id,
        CAST(date_trunc('month', ordered_at) AS date) AS order_month,
        COUNT(*) AS orders,
        SUM(total_base) AS revenue
    FROM orders_current
    WHERE status IS DISTINCT FROM 'cancelled' AND customer_id IS NOT NULL
    GROUP BY 1, 2
),
cohorts AS (
    SELECT
        MIN(order_month) OVER (PARTITION BY customer_id) AS cohort_month,
        order_month,
        orders,
        revenue
    FROM active_months
),
later_months AS (
    SELECT
        cohort_month,
        date_diff('month', cohort_month, order_month) AS months_later,
        COUNT(*) AS customers,
        CAST(SUM(orders) AS bigint) AS orders,
        CAST(SUM(revenue) AS decimal(18, 2)) AS revenue
    FROM cohorts
    GROUP BY 1, 2
)
SELECT
    cohort_month,
    months_later,
    -- All of a cohort ordered in its first month.
    MAX(customers) OVER (PARTITION BY cohort_month) AS cohort_customers,
    customers,
    ROUND(100 * CAST(customers AS double) / MAX(customers) OVER (PARTITION BY cohort_month), 1) AS retention_percent,
    orders,
    revenue
FROM later_months
