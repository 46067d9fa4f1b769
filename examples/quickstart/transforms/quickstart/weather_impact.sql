/* @sluice
description: Delays in rain, in wind and in bad sight, against those in good weather
columns:
  weather: { checks: [unique, { accepted_values: [good, rain, wind, poor sight, unknown] }] }
*/
WITH labelled AS (
  SELECT
    CASE
      WHEN visibility_miles IS NULL THEN 'unknown'
      WHEN visibility_miles < 3 THEN 'poor sight'
      WHEN rain_inches > 0 THEN 'rain'
      WHEN wind_mph >= 20 THEN 'wind'
      ELSE 'good'
    END AS weather,
    *
  FROM flights_enriched
)
SELECT
  weather,
  count(*) AS flights,
  round(100 * avg(is_cancelled::INT), 2) AS cancelled_percent,
  round(avg(departure_delay_minutes), 1) AS mean_delay_minutes,
  round(quantile_cont(departure_delay_minutes, 0.95), 0) AS worst_twentieth_minutes
FROM labelled
GROUP BY weather
ORDER BY mean_delay_minutes DESC
