-- Windows of devices that deviate from what they used to be, the strangest first, at most 100.
SELECT device_id, window_start, score, threshold, top_feature, top_feature_z, reading_count, model_id
FROM drift.window_score
WHERE is_anomalous
ORDER BY score DESC NULLS LAST, device_id, window_start
LIMIT 100
