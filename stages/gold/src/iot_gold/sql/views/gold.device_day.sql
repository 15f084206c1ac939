-- One row per device and day (UTC), a column per reading: temperature in Celsius, humidity and battery in percent.
SELECT
  device_id,
  day,
  MAX(CASE WHEN reading = 'temperature_celsius' THEN avg_value END) AS temperature_avg_celsius,
  MAX(CASE WHEN reading = 'temperature_celsius' THEN min_value END) AS temperature_min_celsius,
  MAX(CASE WHEN reading = 'temperature_celsius' THEN max_value END) AS temperature_max_celsius,
  MAX(CASE WHEN reading = 'humidity_percent' THEN avg_value END) AS humidity_avg_percent,
  MAX(CASE WHEN reading = 'battery_percent' THEN avg_value END) AS battery_avg_percent,
  MAX(CASE WHEN reading = 'battery_percent' THEN min_value END) AS battery_min_percent,
  MAX(received_count) AS received_count,
  MIN(health_percent) AS health_percent,
  SUM(anomaly_count) AS anomaly_count
FROM gold.daily_summary
GROUP BY device_id, day
