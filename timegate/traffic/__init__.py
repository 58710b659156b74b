"""Traffic: traces of arrivals, read from files or generated, and profiles of them."""

from timegate.traffic.fit import fit_profile
from timegate.traffic.process import EvenTraffic, PoissonTraffic, RenewalTraffic, Tokens, Traffic
from timegate.traffic.profile import Profile
from timegate.traffic.published import AZURE_2023_CODING_TOKENS, AZURE_2024_CODING_HOURLY, AZURE_2024_CODING_WEEK
from timegate.traffic.rates import read_rates
from timegate.traffic.readers import read_trace
from timegate.traffic.trace import Trace

__all__ = [
    "AZURE_2023_CODING_TOKENS",
    "AZURE_2024_CODING_HOURLY",
    "AZURE_2024_CODING_WEEK",
    "EvenTraffic",
    "PoissonTraffic",
    "Profile",
    "RenewalTraffic",
    "Tokens",
    "Trace",
    "Traffic",
    "fit_profile",
    "read_rates",
    "read_trace",
]
