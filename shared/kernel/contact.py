"""Contact values that do not show themselves in a log line."""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberType

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}\Z")
_WITHOUT_TEXTS = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.PAGER,
    PhoneNumberType.VOICEMAIL,
    PhoneNumberType.UAN,
}


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A telephone number in E.164 form, for example ``+12125550123``."""

    e164: str

    def __repr__(self) -> str:
        return f"PhoneNumber(…{self.e164[-2:]})"

    __str__ = __repr__

    @property
    def key(self) -> str:
        """What the number is looked up by."""
        return self.e164

    @property
    def country_code(self) -> int:
        """The country calling code, for example 1 for the United States."""
        return phonenumbers.parse(self.e164).country_code or 0


def parse_phone(text: str | None, *, region: str = "US") -> PhoneNumber | None:
    """Read a telephone number as people write it; None when it cannot be dialled.

    ``region`` is the country that a number without a country code belongs to. Numbers that are only *possible*
    (such as the 555 exchange) are kept: a wrong refusal would silence a patient, and the provider will tell.
    """
    if not text or len(text) > 40:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return PhoneNumber(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An e-mail address that `parse_email` has read."""

    text: str

    def __repr__(self) -> str:
        return "EmailAddress(…)"

    __str__ = __repr__

    @property
    def key(self) -> str:
        """What the address is looked up by: mailboxes do not tell capital letters apart."""
        return self.text.casefold()


def can_receive_texts(phone: PhoneNumber) -> bool:
    """Return False where numbering plans say that a number is a landline or the like; True when unsure."""
    return phonenumbers.number_type(phonenumbers.parse(phone.e164)) not in _WITHOUT_TEXTS


def parse_email(text: str | None) -> str | None:
    """Return the address with its domain in lower case; None when it is not an address."""
    if not text or not _EMAIL.match(text.strip()):
        return None
    local, _, domain = text.strip().rpartition("@")
    return f"{local}@{domain.lower()}"
