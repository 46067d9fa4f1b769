/* @sluice
description: Flights with their carrier, plane and the weather at departure
columns:
  carrier_name: { checks: [not_null] }
checks:
  # A query of the rows that are wrong: joins must neither lose flights nor double them.
  - name: same_flights
    sql: |
      SELECT * FROM (SELECT count(*) AS enriched FROM flights_enriched)
      CROSS JOIN (SELECT count(*) AS staged FROM stg_flights)
      WHERE enriched <> staged
*/
SELECT
  f.*,
  c.name AS carrier_name,
  p.maker,
  p.seats,
  year(f.day) - p.built_in AS plane_age_years,
  w.wind_speed AS wind_mph,
  w.precip AS rain_inches,
  w.visib AS visibility_miles
-- stg_flights and stg_planes are the models next door; naming them makes them come first.
FROM stg_flights AS f
LEFT JOIN raw.airlines AS c ON c.carrier = f.carrier
LEFT JOIN stg_planes AS p ON p.tailnum = f.tailnum
LEFT JOIN raw.weather AS w ON w.origin = f.origin AND w.time_hour = f.scheduled_hour
