"""One Finding and one Report for everything that looks at something; rendered as text or JSON."""

from envlock.report.model import Finding, Report, Severity, Verdict, finding_order

__all__ = ["Finding", "Report", "Severity", "Verdict", "finding_order"]
