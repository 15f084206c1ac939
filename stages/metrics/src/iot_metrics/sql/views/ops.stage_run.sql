-- One row per run and stage: what came in and out, how long its longest batch took, and whether it failed.
-- Quality checks count failed rows, not rows that passed a gate, and are left out.
SELECT
  run_id,
  stage,
  MAX(stage_version) AS stage_version,
  CAST(MIN(recorded_time) AS timestamp) AS first_recorded_time,
  CAST(MAX(recorded_time) AS timestamp) AS last_recorded_time,
  SUM(CASE WHEN side = 'ingress' AND disposition = 'in' THEN rows END) AS rows_in,
  SUM(CASE WHEN side = 'egress' AND disposition = 'kept' THEN rows END) AS rows_kept,
  SUM(CASE WHEN side = 'egress' AND disposition = 'quarantined' THEN rows END) AS rows_quarantined,
  MAX(duration_ms) AS longest_batch_ms,
  COUNT(CASE WHEN outcome = 'failure' THEN 1 END) > 0 AS failed,
  MAX(CASE WHEN outcome = 'failure' THEN error END) AS error
FROM ops.stage_metric
WHERE disposition <> 'checked'
GROUP BY run_id, stage
