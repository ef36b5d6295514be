-- Of a view no description: Trino, and the local Athena with it, takes a view whose comment is another for none.
{{ config(materialized='view', persist_docs={'relation': false, 'columns': true}) }}

select distinct store_id, store_name from {{ source('lake', 'store_targets') }}
