"""Keyed hashes that stand where an address or an id has been: the same for the same, and readable by nobody.

Under LINK_KEY, which is backed up with the installation and is not in the database: a copy of the database alone
cannot try out addresses.
"""

import hashlib
import hmac

from django.conf import settings

FORGOTTEN_DOMAIN = "glemt.invalid"  # RFC 2606: nothing is ever delivered there


def pseudonym(text: str) -> str:
    """Return 64 hexadecimal digits that stand for the text, in any case of its letters."""
    message = f"privacy|{text.strip().lower()}".encode()
    return hmac.new(settings.LINK_KEY.encode(), message, hashlib.sha256).hexdigest()


def address_of_nobody(address: str) -> str:
    """Return the address that stands where a real one has been."""
    if address.endswith(f"@{FORGOTTEN_DOMAIN}"):
        return address
    return f"{pseudonym(address)[:24]}@{FORGOTTEN_DOMAIN}"
