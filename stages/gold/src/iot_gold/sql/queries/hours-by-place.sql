-- Temperature and humidity by place and hour, of the newest two days that gold has.
SELECT
  place,
  hour_start,
  MAX(sensor_count) AS sensor_count,
  MAX(CASE WHEN reading = 'temperature_celsius' THEN avg_value END) AS temperature_avg_celsius,
  MAX(CASE WHEN reading = 'humidity_percent' THEN avg_value END) AS humidity_avg_percent
FROM gold.place_hour
WHERE hour_start > (SELECT MAX(hour_start) FROM gold.place_hour) - INTERVAL '2' DAY
GROUP BY place, hour_start
ORDER BY place, hour_start
