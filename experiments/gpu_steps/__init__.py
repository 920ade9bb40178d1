"""What is worth measuring on a GPU, a file for each step, in the order of their value."""

from gpu_steps.bench import Bench, Part, Step
from gpu_steps.long_tail import LONG_TAIL
from gpu_steps.numerics import NUMERICS
from gpu_steps.robust import ROBUST
from gpu_steps.runner import chosen, document_of, listing, plan, run_parts
from gpu_steps.speedrun import SPEEDRUN
from gpu_steps.throughput import THROUGHPUT

STEPS: tuple[Step, ...] = (SPEEDRUN, THROUGHPUT, NUMERICS, LONG_TAIL, ROBUST)

__all__ = ["STEPS", "Bench", "Part", "Step", "chosen", "document_of", "listing", "plan", "run_parts"]
