/* @sluice
description: Revenue by day
columns:
  day: { checks: [not_null, unique] }
*/
SELECT
  ordered_at::DATE AS day,
  count(*) AS orders,
  sum(amount) AS revenue
FROM
  paid_orders
GROUP BY
  day
ORDER BY
  day
