/* @sluice
description: Every planned flight once, with a real date and without the file's quirks
primary_key: [carrier, flight, origin, scheduled_hour]
tags: [staging]
columns:
  origin: { checks: [not_null, { accepted_values: [EWR, JFK, LGA] }] }
  day: { checks: [not_null] }
  # A warning does not stop the run. This one fires: the list of planes is not complete.
  tailnum: { checks: [{ relationships: { to: stg_planes, column: tailnum }, severity: warn }] }
  distance_miles: { checks: [{ sql: "distance_miles > 0" }] }
*/

-- raw.flights is the stream `flights` of the pipeline. Everything here is plain DuckDB SQL.
SELECT
  carrier,
  flight,
  origin,
  dest,
  tailnum,
  make_date(year, month, day) AS day, -- the calendar day in New York
  time_hour AS scheduled_hour, -- the planned hour of departure as a point in time
  dep_delay AS departure_delay_minutes, -- negative: it left early
  arr_delay AS arrival_delay_minutes,
  dep_time IS NULL AS is_cancelled,
  distance AS distance_miles
FROM raw.flights
