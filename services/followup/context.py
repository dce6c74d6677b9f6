"""What the handlers of followup are given beside the transaction."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.followup.domain.schedule import Hours, Kind, Moment
from shared.clinics.model import Clinic, Clinics
from shared.kernel.errors import PermanentError
from shared.messages.plan import Recipient
from shared.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Context:
    """The clinic file and the metrics."""

    clinics: Clinics
    metrics: Metrics

    def clinic(self, clinic_id: str) -> Clinic:
        """Return a clinic.

        Raises:
            PermanentError: the clinic file has none of that id.
        """
        clinic = self.clinics.get(clinic_id)
        if clinic is None:
            raise PermanentError("data.clinic_id: no clinic of that id stands in the clinic file")
        return clinic


def kind_at(clinic: Clinic, moment: Moment) -> Kind:
    """Return what a clinic asks at a moment after an infusion; whether somebody is home is asked by every clinic."""
    return Kind.HOME_SAFE if moment is Moment.HOME_SAFE else Kind(getattr(clinic.checkins, moment))


def hours_of(clinic: Clinic, recipient: Recipient) -> Hours:
    """Return the zones and the window that count for a patient (R1, R2)."""
    return Hours(clinic.zone, ZoneInfo(recipient.time_zone), clinic.window.hours)
