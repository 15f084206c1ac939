"""What a schema says in vain: draft-07 ignores keywords and formats that it does not know, misspelt ones included."""

from __future__ import annotations

from typing import Any, Final

from iot_common.engine.draft07 import keywords
from iot_common.engine.draft07.documents import meta_schema
from iot_common.engine.draft07.uris import pointer_to
from iot_common.engine.formats import FORMATS

_TOLD_LIMIT: Final = 10


def schema_remarks(schema: Any) -> list[str]:
    """One remark for each such keyword or format, with its place; the first few, and how many more there are.

    Keywords that begin with `x-` are meant to say nothing to a validator.
    """
    known = meta_schema()["properties"].keys()
    remarks: list[str] = []
    pending = [("#", schema)]
    while pending:
        pointer, each = pending.pop()
        if not isinstance(each, dict):
            continue
        for keyword in each.keys() - known:
            if not keyword.startswith("x-"):
                remarks.append(f"{pointer}: keyword {keyword!r} is unknown to draft-07 and ignored")
        name = each.get("format")
        if isinstance(name, str) and name not in FORMATS:
            remarks.append(f"{pointer}: format {name!r} is unknown to draft-07 and ignored")
        pending.extend((pointer_to(pointer, *child.keys), child.schema) for child in keywords.children(each))
    remarks.sort()
    more = len(remarks) - _TOLD_LIMIT
    return [*remarks[:_TOLD_LIMIT], f"and {more} more such"] if more > 0 else remarks
