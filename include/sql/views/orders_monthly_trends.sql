-- How does the shop's business go from month to month: orders, customers, baskets, revenue?
-- Cancelled orders are counted, and are in no other number. A month is compared with the last one that had an order.
WITH baskets AS (
    SELECT
        orders.order_id,
        orders.customer_id,
        orders.currency,
        orders.status,
        orders.ordered_at,
        orders.total,
        SUM(line.quantity) AS units
    FROM orders_current AS orders
    LEFT JOIN UNNEST(orders.items) AS line (sku, name, category, quantity, unit_price, gift) ON TRUE
    GROUP BY
        orders.order_id, orders.customer_id, orders.currency, orders.status, orders.ordered_at, orders.total
),
months AS (
    SELECT
        CAST(date_trunc('month', ordered_at) AS date) AS order_month,
        currency,
        COUNT_IF(status IS DISTINCT FROM 'cancelled') AS orders,
        COUNT_IF(status = 'cancelled') AS cancelled_orders,
        COUNT(DISTINCT CASE WHEN status IS DISTINCT FROM 'cancelled' THEN customer_id END) AS customers,
        CAST(SUM(CASE WHEN status IS DISTINCT FROM 'cancelled' THEN units ELSE 0 END) AS bigint) AS units,
        CAST(SUM(CASE WHEN status IS DISTINCT FROM 'cancelled' THEN total ELSE 0 END) AS decimal(18, 2)) AS revenue
    FROM baskets
    GROUP BY 1, 2
)
SELECT
    order_month,
    currency,
    orders,
    cancelled_orders,
    customers,
    units,
    revenue,
    ROUND(CAST(revenue AS double) / NULLIF(orders, 0), 2) AS average_basket,
    ROUND(CAST(units AS double) / NULLIF(orders, 0), 2) AS units_per_order,
    LAG(revenue) OVER (PARTITION BY currency ORDER BY order_month) AS revenue_a_month_before,
    ROUND(
        100 * (
            CAST(revenue AS double)
            / NULLIF(CAST(LAG(revenue) OVER (PARTITION BY currency ORDER BY order_month) AS double), 0)
            - 1
        ),
        1
    ) AS growth_percent
FROM months
