{{ config(materialized='table') }}

select
    s.store_id,
    n.store_name,
    count(*) as sales,
    sum(s.amount) as revenue,
    max(s.amount) as largest,
    min(s.transaction_date) as first_day,
    max(s.sold_at) as last_sold_at,
    max(s.note) as note
from {{ source('lake', 'sales_data') }} s
join {{ ref('stores') }} n on n.store_id = s.store_id
group by 1, 2
