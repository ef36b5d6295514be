{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    partitioned_by=['sales_day'],
) }}

select store_id, amount, sold_at, note, cast(transaction_date as varchar) as sales_day
from {{ source('lake', 'sales_data') }}
where transaction_date <= date '{{ var("through") }}'
{% if is_incremental() %}
    -- The last day that is there may have grown.
    and cast(transaction_date as varchar) >= (select max(sales_day) from {{ this }})
{% endif %}
