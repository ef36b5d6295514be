{{ config(materialized='incremental', incremental_strategy='append') }}

select session_id, started_at, ended_at, page_views, is_mobile
from {{ source('lake', 'web_sessions') }}
where started_at < date_add('day', 1, timestamp '{{ var("through") }}')
{% if is_incremental() %}
    and started_at > (select max(started_at) from {{ this }})
{% endif %}
