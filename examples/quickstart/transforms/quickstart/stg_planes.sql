/* @sluice
description: Planes by tail number, makers under one name
materialized: view # nothing is stored: the SELECT runs when somebody reads it
tags: [staging]
columns:
  tailnum: { checks: [not_null, unique] }
  # A year is missing for some planes: NULL passes a check of an expression.
  built_in: { checks: [{ sql: "built_in BETWEEN 1903 AND 2013" }] }
*/
SELECT
  tailnum,
  CASE
    WHEN manufacturer LIKE 'AIRBUS%' THEN 'Airbus' -- also AIRBUS INDUSTRIE
    WHEN manufacturer LIKE 'MCDONNELL DOUGLAS%' THEN 'McDonnell Douglas'
    WHEN manufacturer IN ('BOEING', 'EMBRAER', 'CANADAIR') THEN manufacturer[1] || lower(manufacturer[2:])
    WHEN manufacturer = 'BOMBARDIER INC' THEN 'Bombardier'
    ELSE 'other'
  END AS maker,
  model,
  year AS built_in,
  seats
FROM raw.planes
