"""The names at the top, by one rule.

Here is what people set out to do with logits, counts, labels or particles of their own: compute the quantities of
softmax, simulate, judge, estimate, fit, measure, minimise, plot. Here too is every result that these return, so that
it can be named in a type. The rest stays in the module of its subject: what prepares an argument (schedules of cooling,
random landscapes, data sets), and what a result is held against (`gas.microcanonical_marginal`,
`variational.excess_free_energy`). Live figures are in `simsoftmax.live`.
"""

from . import live as live
from . import plotting as plotting
from .annealing import Annealing as Annealing
from .annealing import anneal as anneal
from .boltzmann import entropy as entropy
from .boltzmann import free_energy as free_energy
from .boltzmann import heat_capacity as heat_capacity
from .boltzmann import log_partition as log_partition
from .boltzmann import log_softmax as log_softmax
from .boltzmann import mean_energy as mean_energy
from .boltzmann import softmax as softmax
from .calibration.estimator import TemperatureScaler as TemperatureScaler
from .calibration.fit import FitStep as FitStep
from .calibration.fit import TemperatureFit as TemperatureFit
from .calibration.fit import fit_temperature as fit_temperature
from .calibration.fit import logits_from_probabilities as logits_from_probabilities
from .calibration.metrics import BrierDecomposition as BrierDecomposition
from .calibration.metrics import CalibrationErrorEstimate as CalibrationErrorEstimate
from .calibration.metrics import ReliabilityDiagram as ReliabilityDiagram
from .calibration.metrics import brier_decomposition as brier_decomposition
from .calibration.metrics import brier_score as brier_score
from .calibration.metrics import estimate_calibration_error as estimate_calibration_error
from .calibration.metrics import expected_calibration_error as expected_calibration_error
from .calibration.metrics import maximum_calibration_error as maximum_calibration_error
from .calibration.metrics import negative_log_likelihood as negative_log_likelihood
from .calibration.metrics import reliability_diagram as reliability_diagram
from .calibration.metrics import smooth_calibration_error as smooth_calibration_error
from .gas import Gas as Gas
from .gas import GasVerdict as GasVerdict
from .gas import simulate_gas as simulate_gas
from .markov import Relaxation as Relaxation
from .markov import relaxation as relaxation
from .markov import transition_matrix as transition_matrix
from .metropolis import simulate as simulate
from .plotting import plot_draws as plot_draws
from .plotting import plot_occupancy as plot_occupancy
from .plotting import plot_reliability as plot_reliability
from .plotting import plot_temperature_sweep as plot_temperature_sweep
from .plotting import plot_trajectory as plot_trajectory
from .sampling import MinP as MinP
from .sampling import Pipeline as Pipeline
from .sampling import Temperature as Temperature
from .sampling import TopK as TopK
from .sampling import TopP as TopP
from .sampling import Typical as Typical
from .sampling import sample as sample
from .sweeps.family import SweepVerdict as SweepVerdict
from .sweeps.family import verify_sweep as verify_sweep
from .sweeps.run import sweep as sweep
from .thermodynamics import Estimate as Estimate
from .thermodynamics import LogPartitionEstimate as LogPartitionEstimate
from .thermodynamics import heat_capacity_from_counts as heat_capacity_from_counts
from .thermodynamics import integrate_log_partition as integrate_log_partition
from .thermodynamics import log_partition_difference as log_partition_difference
from .thermodynamics import mean_energy_from_counts as mean_energy_from_counts
from .trajectory import Trajectory as Trajectory
from .variational import FreeEnergyMinimum as FreeEnergyMinimum
from .variational import minimize_free_energy as minimize_free_energy
from .verdict.diagnosis import Diagnosis as Diagnosis
from .verdict.diagnosis import Explanation as Explanation
from .verdict.diagnosis import Finding as Finding
from .verdict.diagnosis import diagnose as diagnose
from .verdict.evidence import EProcess as EProcess
from .verdict.power import DetectableDifference as DetectableDifference
from .verdict.power import detectable_difference as detectable_difference
from .verdict.power import required_particles as required_particles
from .verdict.samplers import DrawsVerdict as DrawsVerdict
from .verdict.samplers import required_draws as required_draws
from .verdict.samplers import verify_draws as verify_draws
from .verdict.thermometer import TemperatureEstimate as TemperatureEstimate
from .verdict.thermometer import estimate_temperature as estimate_temperature
from .verdict.verification import Verdict as Verdict
from .verdict.verification import verify as verify
from .verdict.verification import verify_average as verify_average

__version__: str
