from .boltzmann import entropy as entropy
from .boltzmann import free_energy as free_energy
from .boltzmann import heat_capacity as heat_capacity
from .boltzmann import log_partition as log_partition
from .boltzmann import log_softmax as log_softmax
from .boltzmann import mean_energy as mean_energy
from .boltzmann import softmax as softmax
from .markov import Relaxation as Relaxation
from .markov import relaxation as relaxation
from .markov import transition_matrix as transition_matrix
from .metropolis import Trajectory as Trajectory
from .metropolis import simulate as simulate
from .verification import DetectableDifference as DetectableDifference
from .verification import EProcess as EProcess
from .verification import TemperatureEstimate as TemperatureEstimate
from .verification import Verdict as Verdict
from .verification import detectable_difference as detectable_difference
from .verification import estimate_temperature as estimate_temperature
from .verification import required_particles as required_particles
from .verification import verify as verify
from .verification import verify_average as verify_average

__version__: str
