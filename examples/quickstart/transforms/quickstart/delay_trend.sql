/* @sluice
description: The mean delay of the last seven days, for each airport and day
columns:
  flights_7d: { checks: [not_null] }
checks:
  - name: no_gaps
    severity: warn
    sql: |
      SELECT origin, day FROM delay_trend
      QUALIFY day - lag(day) OVER (PARTITION BY origin ORDER BY day) > 1
*/
SELECT
  origin,
  day,
  mean_delay_minutes,
  (sum(flights) OVER last_7_days)::BIGINT AS flights_7d,
  round(sum(mean_delay_minutes * (flights - cancelled)) OVER last_7_days
    / sum(flights - cancelled) OVER last_7_days, 1) AS mean_delay_7d_minutes,
  rank() OVER (PARTITION BY day ORDER BY mean_delay_minutes DESC) AS worst_of_the_day
FROM daily_delays
WINDOW last_7_days AS (
  PARTITION BY origin ORDER BY day RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW
)
ORDER BY origin, day
