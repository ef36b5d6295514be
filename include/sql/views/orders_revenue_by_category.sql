-- What does each product category of the shop bring in, month by month, and how much of it comes back?
-- Cancelled orders count nowhere. Amounts are in the order's currency, so sums are made within one.
WITH lines AS (
    SELECT
        orders.order_id,
        orders.currency,
        orders.status,
        CAST(date_trunc('month', orders.ordered_at) AS date) AS order_month,
        COALESCE(line.category, 'uncategorised') AS category,
        line.quantity,
        CAST(line.quantity * line.unit_price AS decimal(18, 2)) AS amount
    FROM orders_current AS orders
    CROSS JOIN UNNEST(orders.items) AS line (sku, name, category, quantity, unit_price, gift)
    WHERE orders.status IS DISTINCT FROM 'cancelled'
)
SELECT
    order_month,
    currency,
    category,
    COUNT(DISTINCT order_id) AS orders,
    CAST(SUM(quantity) AS bigint) AS units,
    CAST(SUM(amount) AS decimal(18, 2)) AS revenue,
    CAST(SUM(CASE WHEN status = 'returned' THEN amount ELSE 0 END) AS decimal(18, 2)) AS returned_revenue
FROM lines
GROUP BY order_month, currency, category
