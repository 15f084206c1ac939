-- Readings per day and claimed schema version: how many conform to the letter, are valid, late, or have an anomaly flag.
SELECT
  CAST(event_time AS date) AS day,
  schema_version,
  COUNT(*) AS reading_count,
  COUNT(CASE WHEN conforms THEN 1 END) AS conforming_count,
  COUNT(CASE WHEN is_valid THEN 1 END) AS valid_count,
  COUNT(CASE WHEN late THEN 1 END) AS late_count,
  COUNT(CASE WHEN is_anomaly THEN 1 END) AS anomaly_count
FROM silver.reading
GROUP BY CAST(event_time AS date), schema_version
ORDER BY day, schema_version
