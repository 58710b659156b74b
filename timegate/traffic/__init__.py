"""Traffic: traces of arrivals, read from files or generated."""

from timegate.traffic.arrivals import AZURE_2024_CODING_HOURLY, generate_trace
from timegate.traffic.process import PoissonTraffic
from timegate.traffic.readers import read_trace
from timegate.traffic.trace import Trace

__all__ = ["AZURE_2024_CODING_HOURLY", "PoissonTraffic", "Trace", "generate_trace", "read_trace"]
