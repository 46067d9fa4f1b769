/* @sluice
description: Carriers from the most to the least punctual
columns:
  carrier: { checks: [not_null, unique] }
  on_time_percent: { checks: [{ sql: "on_time_percent BETWEEN 0 AND 100" }] }
*/
SELECT
  rank() OVER (ORDER BY avg((departure_delay_minutes <= 15)::INT) DESC) AS place,
  carrier,
  any_value(carrier_name) AS name,
  count(*) AS flights,
  round(100 * avg((departure_delay_minutes <= 15)::INT), 1) AS on_time_percent,
  round(avg(departure_delay_minutes), 1) AS mean_delay_minutes
FROM flights_enriched
WHERE NOT is_cancelled
GROUP BY carrier
-- A param of the pipeline: sluice run quickstart --param min_flights=200
HAVING count(*) >= getvariable('min_flights')
ORDER BY place
