"""Lines that bronze kept apart because they were over its limit then; read again where they are within today's."""

from __future__ import annotations

import pyarrow as pa

from iot_common.io.objects import read_object, size_of


def with_fetched_lines(batch: pa.RecordBatch, limit_bytes: int) -> pa.RecordBatch:
    """Raw rows: each OVERSIZE line within the limit has its bytes, and its defect is gone.

    Args:
        batch: Columns `payload`, `payload_pointer` and `defect` among others.
        limit_bytes: Longest line that is fetched.
    """
    defects = batch.column("defect").to_pylist()
    if "OVERSIZE" not in defects:
        return batch
    payloads = batch.column("payload").to_pylist()
    for number, pointer in enumerate(batch.column("payload_pointer").to_pylist()):
        if defects[number] != "OVERSIZE" or payloads[number] is not None or pointer is None:
            continue
        size = size_of(pointer)
        if size is not None and size <= limit_bytes:
            payloads[number], defects[number] = read_object(pointer), None
    changed = {"payload": payloads, "defect": defects}
    columns = [
        pa.array(changed[each.name], each.type) if each.name in changed else batch.column(each.name)
        for each in batch.schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)
