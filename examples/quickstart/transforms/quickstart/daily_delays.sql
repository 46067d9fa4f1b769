/* @sluice
description: What each airport's day was like
materialized: incremental # rows are merged into the table that is there
primary_key: [origin, day]
update_key: day
columns:
  day: { type: DATE, checks: [not_null] }
  cancelled: { checks: [{ sql: "cancelled BETWEEN 0 AND flights" }] }
*/
SELECT
  origin,
  day,
  count(*) AS flights,
  count(*) FILTER (is_cancelled) AS cancelled,
  round(avg(departure_delay_minutes), 1) AS mean_delay_minutes,
  median(departure_delay_minutes) AS median_delay_minutes,
  count(*) FILTER (departure_delay_minutes > 60) AS over_an_hour_late
FROM flights_enriched
-- The cursor is the greatest day in the table so far, NULL when it is built for the first time. That
-- day is counted again, as more of its flights may have come in since.
WHERE getvariable('cursor') IS NULL OR day >= getvariable('cursor')
GROUP BY origin, day
