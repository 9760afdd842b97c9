-- Payments per hotel, type and state, in the currency they were made in.
select
    enterprises.name as hotel,
    payments.type,
    payments.state,
    payments.amount.currency as currency,
    count(*) as payments,
    sum(payments.amount.gross_value) as amount
from {{ source('current', 'payments') }} as payments
join {{ source('reference', 'enterprises') }} as enterprises on enterprises.id = payments.enterprise_id
group by all
