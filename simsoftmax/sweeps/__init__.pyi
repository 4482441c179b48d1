from .family import SweepVerdict as SweepVerdict
from .family import verify_sweep as verify_sweep
from .grid import stream as stream
from .run import sweep as sweep
