"""Play bandits with Boltzmann exploration and its rivals: tune each rule on some, and judge it on others.

    python -m benchmarks.bandit_study [--tuning 400] [--judging 2000] [--seed 1] [--output FILE]

There are three kinds of bandits, which differ in how far their values spread. On the first set of each kind every rule
is played with all its settings, and the best setting is taken, once for games of 1,000 and once for games of 10,000
pulls. The second set judges: the rules tuned on this kind, those tuned on the middle kind, and those that need no
tuning. All rules play the same bandits, so the covariances of their means are kept as well as their errors. It takes
close to an hour on one core.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from book.bandits import normal_bandits, play

OUTPUT = Path(__file__).parents[1] / "book" / "data" / "bandit_study.json"
ARMS = 10
SPREADS = (1 / 3, 1.0, 3.0)
LOOKS = [100, 1000, 10_000]
TUNED_FOR = (1000, 10_000)
FIRST = 5  # judging games that are kept one by one, so that anybody can play them again

#: Settings that are tried, each twice the square of the last but one; 0 is the greedy rule.
STEPS = 2.0 ** (np.arange(14) / 2)
SETTINGS = {
    "held": [0.0, *(STEPS / 64)],
    "logarithm": [*(STEPS / 16)],
    "root": [*(STEPS / 4)],
    "own heat": [*(STEPS[:10] / 8)],
    "optimist": [*(STEPS / 16)],
}
UNTUNED = [("optimist", 2.0), ("optimist", 8.0), ("posterior", 1.0)]


def rule_name(rule: str, setting: float) -> str:
    """Return what a rule with its setting is called."""
    return f"{rule} {setting:.6g}"


def rounded(values: Any) -> Any:
    """Return numbers with six digits, as lists."""
    return np.vectorize(lambda x: float(f"{x:.6g}"))(values).tolist()


def frozen(late: Any, values: Any) -> float:
    """Return the share of games that never pulled their best arm in the second half."""
    return float((late[np.arange(len(values)), values.argmax(axis=1)] == 0).mean())


def tune(spread: float, bandits: int, seed: int) -> dict[str, Any]:
    """Return what comes of every rule with every setting: means and errors, (settings, looks)."""
    values = normal_bandits(bandits, ARMS, spread, seed=seed)
    found = {}
    for rule, settings in SETTINGS.items():
        games = [play(rule, c, values, LOOKS, seed=seed + 1) for c in settings]
        found[rule] = {
            "settings": settings,
            "mean": rounded([each.regret.mean(axis=0) for each in games]),
            "error": rounded([each.regret.std(axis=0, ddof=1) / bandits**0.5 for each in games]),
            "frozen": [frozen(each.late, values) for each in games],
        }
        print(f"spread {spread:.3g}, {rule}: {found[rule]['mean']}", flush=True)
    return found


def chosen(tuning: dict[str, Any], spread: float) -> list[dict[str, Any]]:
    """Return which rules are judged on a kind of bandits: each with its setting, and for what that was tuned."""
    entries = []
    for kind in sorted({spread, 1.0}):
        for rule, found in tuning[f"{kind:.3g}"].items():
            for length in TUNED_FOR:
                best = int(np.argmin(np.array(found["mean"])[:, LOOKS.index(length)]))
                entries.append(
                    {"rule": rule, "setting": found["settings"][best], "tuned on": kind, "tuned for": length}
                )
    return entries + [{"rule": rule, "setting": c, "tuned on": None, "tuned for": None} for rule, c in UNTUNED]


def judge(entries: list[dict[str, Any]], spread: float, bandits: int, seed: int) -> dict[str, Any]:
    """Return what comes of the chosen rules on bandits that none of them was tuned on."""
    values = normal_bandits(bandits, ARMS, spread, seed=seed)
    known: dict[tuple[str, float], Any] = {}
    for entry in entries:
        name = entry["rule"], entry["setting"]
        if name not in known:
            known[name] = play(*name, values, LOOKS, seed=seed + 1 + len(known))
            print(f"spread {spread:.3g}, {rule_name(*name)}: {known[name].regret.mean(axis=0).round(1)}", flush=True)
    regrets = np.array([known[entry["rule"], entry["setting"]].regret for entry in entries])
    return {
        "rules": entries,
        "streams": {rule_name(*name): seed + 1 + i for i, name in enumerate(known)},
        "first": {rule_name(*name): rounded(games.regret[:FIRST]) for name, games in known.items()},
        "mean": rounded(regrets.mean(axis=1)),
        "covariance": [rounded(np.cov(regrets[..., look]) / bandits) for look in range(len(LOOKS))],
        "frozen": [frozen(known[entry["rule"], entry["setting"]].late, values) for entry in entries],
    }


def main() -> None:
    """Run the study and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tuning", type=int, default=400)
    parser.add_argument("--judging", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default=str(OUTPUT))
    options = parser.parse_args()
    seeds = {f"{spread:.3g}": 1000 * options.seed + 100 * i for i, spread in enumerate(SPREADS)}
    tuning = {f"{spread:.3g}": tune(spread, options.tuning, seeds[f"{spread:.3g}"]) for spread in SPREADS}
    judged = {
        f"{spread:.3g}": judge(chosen(tuning, spread), spread, options.judging, seeds[f"{spread:.3g}"] + 50)
        for spread in SPREADS
    }
    found = {
        "seed": options.seed,
        "arms": ARMS,
        "looks": LOOKS,
        "tuning bandits": options.tuning,
        "judging bandits": options.judging,
        "seeds": seeds,
        "versions": {name: importlib.metadata.version(name) for name in ("numpy", "numba")},
        "tuning": tuning,
        "judged": judged,
    }
    # A row of numbers stands in one line.
    text = re.sub(r"\[[^\[\]{}]*\]", lambda row: " ".join(row[0].split()), json.dumps(found, indent=1))
    Path(options.output).write_text(text + "\n")


if __name__ == "__main__":
    main()
