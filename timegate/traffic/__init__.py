"""Traffic: traces of arrivals, read from files or generated."""

from timegate.traffic.arrivals import AZURE_2024_CODING_HOURLY, generate_trace
from timegate.traffic.process import EvenTraffic, PoissonTraffic, RenewalTraffic, Tokens, Traffic
from timegate.traffic.readers import read_trace
from timegate.traffic.trace import Trace

__all__ = [
    "AZURE_2024_CODING_HOURLY",
    "EvenTraffic",
    "PoissonTraffic",
    "RenewalTraffic",
    "Tokens",
    "Trace",
    "Traffic",
    "generate_trace",
    "read_trace",
]
