-- How fast do orders leave and arrive with each carrier, how many are late, and how many never leave?
-- Orders that have not left, cancelled ones among them, are under the carrier 'not shipped'.
WITH parcels AS (
    SELECT
        status,
        COALESCE(shipment.carrier, 'not shipped') AS carrier,
        ordered_at AS ordered,
        shipment.shipped_at AS shipped,
        shipment.promised_at AS promised,
        shipment.delivered_at AS delivered
    FROM orders_current
)
SELECT
    CAST(date_trunc('month', ordered) AS date) AS order_month,
    carrier,
    COUNT(*) AS orders,
    COUNT_IF(status = 'cancelled') AS cancelled_orders,
    COUNT(shipped) AS shipped_orders,
    COUNT(delivered) AS delivered_orders,
    COUNT_IF(status = 'returned') AS returned_orders,
    COUNT_IF(delivered > promised) AS late_orders,
    ROUND(100 * CAST(COUNT_IF(delivered > promised) AS double) / NULLIF(COUNT(delivered), 0), 1) AS late_percent,
    -- Sums, from which averages over several carriers or months are made.
    SUM(CAST(date_diff('minute', ordered, shipped) AS double) / 60) AS total_hours_to_ship,
    SUM(CAST(date_diff('minute', shipped, delivered) AS double) / 60) AS total_hours_on_the_way,
    ROUND(AVG(CAST(date_diff('minute', ordered, shipped) AS double) / 60), 1) AS hours_to_ship,
    ROUND(AVG(CAST(date_diff('minute', shipped, delivered) AS double) / 60), 1) AS hours_on_the_way,
    ROUND(MAX(CAST(date_diff('minute', shipped, delivered) AS double) / 60), 1) AS longest_hours_on_the_way
FROM parcels
GROUP BY 1, 2
