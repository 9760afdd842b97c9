-- Revenue of order items that were not canceled, per hotel, service and month of consumption in UTC.
select
    enterprises.name as hotel,
    -- Names are JSON by language: the first one there is.
    services.names ->> ('$."' || json_keys(services.names)[1] || '"') as service,
    date_trunc('month', order_items.consumed_utc) as month,
    order_items.amount.currency as currency,
    count(*) as items,
    sum(order_items.amount.gross_value) as gross
from {{ source('current', 'order_items') }} as order_items
join {{ source('reference', 'enterprises') }} as enterprises on enterprises.id = order_items.enterprise_id
left join {{ source('reference', 'services') }} as services on services.id = order_items.service_id
where order_items.canceled_utc is null
group by all
