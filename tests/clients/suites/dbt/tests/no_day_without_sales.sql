select sales_day from {{ ref('sales_by_day') }} group by sales_day having count(*) = 0
