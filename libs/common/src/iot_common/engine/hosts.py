"""Addresses of machines and of mailboxes: hostname, ipv4, ipv6, email, and the international forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

# Texts, not compiled patterns: `re` compiles each when it is first asked for, so that a start-up pays for none.
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_IPV6_GROUP: Final = "[0-9A-Fa-f]{1,4}"
_LONGEST_IPV6: Final = len("1000:1000:1000:1000:1000:1000:255.255.255.255")

_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LONGEST_NAME: Final = 253
"""Characters of a name with dots between its labels: 255 octets on the wire (RFC 1035, section 2.3.4)."""
_LABEL_SEPARATORS: Final = "[.\u3002\uff0e\uff61]"
"""RFC 3490, section 3.1; IDNA2008 leaves them to the user's side, and the format's users write them."""
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_QUOTED: Final = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*+"'
_LOCAL_PART: Final = rf"{_ATOM}++(?:\.{_ATOM}++)*+|{_QUOTED}"
_IDN_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]"
_IDN_QUOTED: Final = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e\x80-\U0010ffff]|\\[\x20-\x7e])*+"'
_IDN_LOCAL_PART: Final = rf"{_IDN_ATOM}++(?:\.{_IDN_ATOM}++)*+|{_IDN_QUOTED}"
_IDN_LETTER: Final = r"[A-Za-z0-9\x80-\U0010ffff]"
_IDN_LABEL: Final = rf"{_IDN_LETTER}++(?:-++{_IDN_LETTER}++)*+"
_LONGEST_LOCAL_PART: Final = 64
"""Octets (RFC 5321, section 4.5.3.1.1)."""
_LONGEST_DOMAIN: Final = 255
"""Octets (RFC 5321, section 4.5.3.1.2)."""


def is_ipv4(text: str) -> bool:
    """RFC 2673, section 3.2, without leading zeros: four decimal octets."""
    return re.fullmatch(_IPV4, text) is not None


def is_ipv6(text: str) -> bool:
    """RFC 4291, section 2.2: eight groups, one run of them left out as `::`, the last two perhaps as IPv4."""
    if len(text) > _LONGEST_IPV6:
        return False
    head, gap, tail = text.partition("::")
    count = _groups(head, ends=not gap)
    if count is None or not gap:
        return count == 8
    rest = _groups(tail, ends=True)
    return rest is not None and count + rest <= 7


def _groups(text: str, *, ends: bool) -> int | None:
    """How many 16-bit groups a text spells, or None; only the end of an address may be an IPv4 one."""
    if not text:
        return 0
    *leading, last = text.split(":")
    if not all(re.fullmatch(_IPV6_GROUP, group) for group in leading):
        return None
    if re.fullmatch(_IPV6_GROUP, last):
        return len(leading) + 1
    return len(leading) + 2 if ends and is_ipv4(last) else None


def is_hostname(text: str) -> bool:
    """RFC 1123, section 2.1; what looks like an A-label must be one (RFC 5890, section 2.3.2.1)."""
    if len(text) > _LONGEST_NAME:
        return False
    labels = text.split(".")
    if not all(re.fullmatch(_LABEL, label) for label in labels):
        return False
    return not any(label[:4].lower() == "xn--" for label in labels) or is_idn_hostname(text)


def is_idn_hostname(text: str) -> bool:
    """IDNA2008 (RFC 5890 to 5893): every label a U-label, an A-label or plain ASCII; the bidi rule over all."""
    if len(text) > _LONGEST_NAME:
        return False
    # Imported here, as its tables are large and few contracts have names of hosts.
    import idna

    try:
        pairs = [_label_forms(label) for label in re.split(_LABEL_SEPARATORS, text)]
        unicode_labels = [unicode_label for unicode_label, _ in pairs]
        if any(map(_is_right_to_left, unicode_labels)):
            for label in unicode_labels:
                idna.check_bidi(label, check_ltr=True)
    except (idna.IDNAError, UnicodeError):
        return False
    return len(".".join(ascii_label for _, ascii_label in pairs)) <= _LONGEST_NAME


def _label_forms(label: str) -> tuple[str, str]:
    """The Unicode and the ASCII form of a label; each must lead back to the other.

    Raises:
        idna.IDNAError: it is no label.
    """
    import idna

    ascii_label = idna.alabel(label).decode("ascii")
    unicode_label = idna.ulabel(ascii_label)
    if label.isascii() and idna.alabel(unicode_label).decode("ascii") != label.lower():
        raise idna.IDNAError(f"{label} is not the canonical form of {unicode_label}")
    return unicode_label, ascii_label


def _is_right_to_left(label: str) -> bool:
    import unicodedata

    return any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in label)


def is_email(text: str) -> bool:
    """RFC 5321, section 4.1.2: Mailbox, which is RFC 5322's addr-spec without comments and folding."""
    return _is_mailbox(text, _LOCAL_PART, _LABEL, len)


def is_idn_email(text: str) -> bool:
    """RFC 6531, section 3.3: Mailbox with UTF-8 in atoms, quoted strings and labels."""
    return _is_mailbox(text, _IDN_LOCAL_PART, _IDN_LABEL, _octets)


def _is_mailbox(text: str, local_part: str, label: str, length: Callable[[str], int]) -> bool:
    local, domain = _mailbox(text)
    if length(local) > _LONGEST_LOCAL_PART or not re.fullmatch(local_part, local):
        return False
    if length(domain) > _LONGEST_DOMAIN:
        return False
    return _is_address_literal(domain) or all(re.fullmatch(label, each) for each in domain.split("."))


def _mailbox(text: str) -> tuple[str, str]:
    """What is before and behind the last `@`: a quoted local part may hold others."""
    local, _, domain = text.rpartition("@")
    return local, domain


def _octets(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _is_address_literal(domain: str) -> bool:
    """RFC 5321, section 4.1.3; IPv6 is the one tag that is registered."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return False
    literal = domain[1:-1]
    return is_ipv6(literal[5:]) if literal[:5].lower() == "ipv6:" else is_ipv4(literal)
