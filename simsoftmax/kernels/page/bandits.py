"""Bandits: arms that pay their value and some noise, and rules that choose which to pull.

All rules here are of one form. Each arm gets a score, its estimated value plus a width times a noise, and the best
score is pulled. With Gumbel noise of one width T for all arms that is a draw from softmax(estimates / T), which is
Boltzmann exploration; with a width that shrinks as an arm becomes known it is one of its rivals. The noise of a pay is
normal with standard deviation 1, which sets the unit of values and of temperatures.

The kernels compile to WebAssembly: arrays and scalars in, nothing allocated, no exception.
"""

import math

from ..streams import draw_normals, draw_unit
from . import page_kernel

__all__ = ["COOL_ROOT", "COOL_SLOWLY", "HOLD", "OPTIMIST", "OWN_HEAT", "POSTERIOR"]

#: Boltzmann exploration at a temperature that is held: Gumbel noise of the width c, the setting of the rule.
HOLD = 0
#: Boltzmann exploration that cools by the logarithm: T = c / ln t at pull t.
COOL_SLOWLY = 1
#: Boltzmann exploration that cools by a power: T = c / sqrt(t).
COOL_ROOT = 2
#: A temperature of its own for each arm, c / sqrt(n) after n pulls of it: Boltzmann-Gumbel exploration (N. Cesa-Bianchi
#: et al., "Boltzmann exploration done right", NIPS 2017).
OWN_HEAT = 3
#: An upper confidence bound, with sqrt(c ln(t) / n) in place of noise after t pulls: UCB1 with c = 2, for pays from 0
#: to 1; for this noise its proof needs c = 8 (P. Auer, N. Cesa-Bianchi and P. Fischer, "Finite-time analysis of the
#: multiarmed bandit problem", Mach. Learn. 47 (2002)).
OPTIMIST = 4
#: Thompson sampling: normal noise of the width c / sqrt(n), with c = 1 a draw from the posterior of a flat prior (W. R.
#: Thompson, "On the likelihood that one unknown probability exceeds another ...", Biometrika 25 (1933)).
POSTERIOR = 5


@page_kernel("float64(int64, float64, int64, int64)")
def exploration_temperature(rule, setting, pull, known):
    """Return the width that a rule gives to the noise of an arm.

    Parameters
    ----------
    rule, setting
        As in `choose_arm`; not for `OPTIMIST`.
    pull : int
        Which pull of the game is next, from 1.
    known : int
        How often the arm has been pulled, at least once.
    """
    if rule == COOL_SLOWLY:
        return setting / math.log(max(pull, 2))
    if rule == COOL_ROOT:
        return setting / math.sqrt(pull)
    if rule >= OWN_HEAT:
        return setting / math.sqrt(known)
    return setting


@page_kernel("float64(int64, float64, int64)")
def exploration_setting(rule, temperature, pull):
    """Return the setting with which a rule of Boltzmann exploration has this temperature at this pull."""
    if rule == COOL_SLOWLY:
        return temperature * math.log(max(pull, 2))
    if rule == COOL_ROOT:
        return temperature * math.sqrt(pull)
    return temperature


@page_kernel("int64(int64, float64, int64[::1], float64[::1], uint64[::1])")
def choose_arm(rule, setting, pulls, estimates, stream):
    """Return the arm to pull next: one that was never pulled, and else the one of the best score.

    Parameters
    ----------
    rule : int
        One of the rules above.
    setting : float
        Its c, at least 0; infinite is the exact limit, where only the noise decides.
    pulls : int64 array, shape (K,)
        How often each arm has been pulled.
    estimates : float64 array, shape (K,)
        What each arm has paid in the mean.
    stream : uint64 array, shape (4,)
        Advances in place.
    """
    so_far = 0
    for k in range(pulls.size):
        if pulls[k] == 0:
            return k
        so_far += pulls[k]
    width = exploration_temperature(rule, setting, so_far + 1, 1)
    if rule == OPTIMIST:
        width = math.sqrt(setting * math.log(so_far))
    best = 0
    top = -math.inf
    loudest = -math.inf
    for k in range(pulls.size):
        noise = 1.0
        if rule == POSTERIOR:
            noise = draw_normals(stream)[0]
        elif rule != OPTIMIST:
            noise = -math.log(-math.log(draw_unit(stream)))
        if rule >= OWN_HEAT:
            noise /= math.sqrt(pulls[k])
        # Where scores are alike, at c = infinity or for ties at c = 0, the noise decides: the exact limits of softmax.
        score = 0.0 if width == math.inf else estimates[k] + width * noise
        if score > top or (score == top and noise > loudest):
            best, top, loudest = k, score, noise
    return best


@page_kernel("void(int64, float64, float64[::1], int64[::1], float64[::1], int64[::1], float64[::1], uint64[::1])")
def play_bandit(rule, setting, values, pulls, estimates, arms, regret, stream):
    """Go on with a game for as many pulls as there is room for.

    Parameters
    ----------
    rule, setting, stream
        As in `choose_arm`.
    values : float64 array, shape (K,)
        What each arm pays in the mean; the rule does not see it.
    pulls : int64 array, shape (K,)
    estimates : float64 array, shape (K,)
        What is known so far, brought up to date in place; zero pulls begin a game.
    arms : int64 array, shape (n,)
        Receives the arm of each pull.
    regret : float64 array, shape (n,)
        Receives what has been missed since the game began: the sum over all pulls of the best value less that of the
        arm pulled.
    """
    best = values[0]
    for k in range(1, values.size):
        best = max(best, values[k])
    missed = 0.0
    for k in range(values.size):
        missed += pulls[k] * (best - values[k])
    for i in range(arms.size):
        k = choose_arm(rule, setting, pulls, estimates, stream)
        pulls[k] += 1
        estimates[k] += (values[k] + draw_normals(stream)[0] - estimates[k]) / pulls[k]
        missed += best - values[k]
        arms[i] = k
        regret[i] = missed


@page_kernel(
    "void(int64, float64, float64[::1], int64, int64[::1], float64[::1], int64[::1], float64[::1], float64[::1], "
    "float64[::1], uint64[::1])"
)
def add_games(rule, setting, values, games, pulls, estimates, arms, regret, total, outcome, stream):
    """Play so many games from their beginning, and add them to what is known of such games.

    Parameters
    ----------
    rule, setting, values, pulls, estimates, arms, regret, stream
        As in `play_bandit`; in the end they hold the last game.
    games : int
        How many.
    total : float64 array, shape (n,)
        The sum of the regrets of all games after each pull, brought up to date.
    outcome : float64 array, shape (3,)
        The number of games, the mean regret of a whole game and its standard error, brought up to date (B. P. Welford,
        Technometrics 4 (1962)).
    """
    played, mean = outcome[0], outcome[1]
    squares = outcome[2] * outcome[2] * played * (played - 1.0)
    for _ in range(games):
        for k in range(values.size):
            pulls[k] = 0
            estimates[k] = 0.0
        play_bandit(rule, setting, values, pulls, estimates, arms, regret, stream)
        for i in range(total.size):
            total[i] += regret[i]
        whole = regret[regret.size - 1]
        played += 1.0
        away = whole - mean
        mean += away / played
        squares += away * (whole - mean)
    outcome[0] = played
    outcome[1] = mean
    outcome[2] = math.sqrt(squares / (played * (played - 1.0))) if played > 1.0 else 0.0
