"""What ails a host: the failures of this field, recognised in the host itself or in the text of an error."""

from envlock.doctor.classics import recognised
from envlock.doctor.host import HostFacts, diagnosed
from envlock.doctor.model import Diagnosis

__all__ = ["Diagnosis", "HostFacts", "diagnosed", "recognised"]
