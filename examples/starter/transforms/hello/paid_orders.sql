/* @sluice
description: Orders that were paid
materialized: view
columns:
  id: { checks: [not_null, unique] }
  amount: { checks: [{ sql: "amount >= 0" }] }
*/
SELECT
  id,
  ordered_at,
  customer,
  amount::DECIMAL(18, 2) AS amount
FROM
  raw.orders
WHERE
  status = 'paid'
