-- What did each product category sell on each day?
-- A filter on year, month and day reads only those partitions.
SELECT
    year,
    month,
    day,
    CAST(concat(year, '-', month, '-', day) AS date) AS sales_date,
    product_category,
    COUNT(*) AS transactions,
    COUNT_IF(amount < 0) AS refunds,
    CAST(SUM(quantity) AS bigint) AS units,
    CAST(SUM(amount) AS decimal(18, 2)) AS revenue
FROM sales_data
GROUP BY year, month, day, product_category
