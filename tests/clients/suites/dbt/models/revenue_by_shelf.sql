{{ config(materialized='table', partitioned_by=['sales_day', 'store_id', 'product_category']) }}

-- More partitions than Athena writes at once.
select
    count(*) as sales,
    sum(amount) as revenue,
    cast(transaction_date as varchar) as sales_day,
    store_id,
    product_category
from {{ source('lake', 'sales_data') }}
group by transaction_date, store_id, product_category
