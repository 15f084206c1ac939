-- Devices with the smallest share of valid readings over the newest seven days that gold has, at most 50.
SELECT
  device_id,
  SUM(reading_count) AS reading_count,
  SUM(received_count) AS received_count,
  1e2 * SUM(reading_count) / SUM(received_count) AS health_percent
FROM gold.daily_summary
WHERE day > (SELECT MAX(day) FROM gold.daily_summary) - INTERVAL '7' DAY
GROUP BY device_id
HAVING SUM(received_count) > 0
ORDER BY health_percent, device_id
LIMIT 50
