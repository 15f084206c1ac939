-- Whether anything was lost: per stage and query the batches checked, those that do not balance, and what passed.
SELECT
  stage,
  query,
  COUNT(*) AS batch_count,
  COUNT(CASE WHEN NOT balanced THEN 1 END) AS unbalanced_count,
  SUM(rows_in) AS rows_in,
  SUM(rows_kept) AS rows_kept,
  SUM(rows_quarantined) AS rows_quarantined,
  SUM(rows_duplicate) AS rows_duplicate,
  SUM(rows_superseded) AS rows_superseded,
  SUM(difference) AS difference
FROM ops.conservation
GROUP BY stage, query
ORDER BY stage, query
