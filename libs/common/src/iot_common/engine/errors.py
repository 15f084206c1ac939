"""Errors of the contract engine that several of its modules raise."""

from __future__ import annotations

from iot_common.errors import DriftlakeError


class ContractError(DriftlakeError):
    """A contract's schema cannot be used: no JSON, no draft-07, or a `$ref` that leads nowhere.

    Attributes:
        contract: the name or version that the caller gave the schema.
        path: where in the schema; empty for its top level.
    """

    exit_code = 2

    def __init__(self, contract: str, path: str, reason: str) -> None:
        super().__init__(f"contract {contract}: at {path or 'the top level'}: {reason}")
        self.contract = contract
        self.path = path
        self.reason = reason
