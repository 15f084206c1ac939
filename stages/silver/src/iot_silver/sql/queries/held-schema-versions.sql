-- Circuit breakers that are not closed: schema versions whose records silver holds back, since when and on what evidence.
SELECT
  schema_version,
  state,
  transition_time AS since,
  checked_rows,
  failed_rows
FROM (
  SELECT
    breaker.*,
    ROW_NUMBER() OVER (PARTITION BY schema_version ORDER BY sequence DESC) AS newest_first
  FROM silver.circuit_breaker AS breaker
) AS numbered
WHERE newest_first = 1 AND state <> 'closed'
ORDER BY schema_version
