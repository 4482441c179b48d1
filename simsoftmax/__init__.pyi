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

__version__: str
