"""Reports as the judges write them: one with every part, and ways to spoil it."""

import copy

ARMS = (
    ("synthetic", "this proxy", 0.0),
    ("holdout", "fresh real rows", 0.004),
    ("independent", "independent columns", -0.31),
    ("copy", "a copy of the training rows", 0.0713),
)
SCORES = {
    "fidelity.accuracy.2": 0.8731,
    "fidelity.dependence": 0.9213,
    "detection.holdout": 0.8817,
    "detection.holdout.auc": 0.5591,
    "detection.overfit": 0.0127,
    "utility.income": 0.9023,
    "privacy.membership": 0.5143,
    "privacy.membership.tpr": 0.0171,
    "copies.exact": 0.00043,
}


def score(name, value, baseline, n=5_417):
    return {
        "name": name,
        "value": value,
        "low": value - 0.0112,
        "high": value + 0.0119,
        "better": "baseline",
        "n": n,
        "baseline": baseline,
        "level": 0.95,
        "method": "bootstrap",
        "status": "ok",
        "reason": "",
    }


def marginal(column, kind="integer", bins=12, shift=0.0):
    real = [2 * (k + 1) / (bins * (bins + 1)) for k in range(bins)]
    synthetic = [*real[1:], real[0]] if shift else list(real)
    return {
        "column": column,
        "kind": kind,
        "labels": [f"{10 * k} to {10 * k + 10}" for k in range(bins)],
        "real": real,
        "synthetic": synthetic,
        "distance": 0.0123 + shift,
        "floor": 0.0101,
    }


def matrix(size, scale):
    return [[1.0 if i == j else scale / (1 + abs(i - j)) for j in range(size)] for i in range(size)]


def full(columns=6):
    names = [f"column {k}" for k in range(columns)]
    return {
        "format": 1,
        "title": "adult.csv",
        "kind": "proxy",
        "made": {"engine": "trees", "preset": "default", "seconds": 3.83, "seed": 11},
        "rows": {"train": 13_001, "holdout": 6_502, "synthetic": 13_003},
        "columns": [
            {"name": n, "kind": "integer", "reason": f"whole ({n})", "treatment": "binned"}
            for n in names
        ],
        "notes": ["Several rows per person were allowed."],
        "verdicts": {
            key: {
                "question": f"{key}?",
                "level": level,
                "sentence": f"{level.capitalize()}: {key} sentence (0.5 to 0.6).",
                "scores": list(scores),
            }
            for key, level, scores in (
                ("useful", "yes", ["utility.income"]),
                ("privacy", "no leak found by these attacks", ["privacy.membership"]),
                ("faithful", "hardly", ["detection.holdout"]),
                ("overfit", "alarm", ["detection.overfit"]),
            )
        },
        "arms": [
            {
                "name": name,
                "label": label,
                "scores": [
                    score(metric, value + shift, value + 0.0031, 5_417)
                    for metric, value in SCORES.items()
                ],
            }
            for name, label, shift in ARMS
        ],
        "evidence": {
            "marginals": [
                marginal(n, "category" if k % 2 else "integer", shift=0.001 * k)
                for k, n in enumerate(names)
            ],
            "columns": [
                {
                    "column": n,
                    "alone": 0.0213,
                    "alone_floor": 0.0117,
                    "with_others": 0.0419,
                    "with_others_floor": 0.0307,
                }
                for n in names
            ],
            "dependence": {
                "columns": names,
                "real": matrix(columns, 0.8),
                "synthetic": matrix(columns, 0.7),
            },
            "detection": {
                "auc": 0.5591,
                "low": 0.5513,
                "high": 0.5677,
                "score": 0.8817,
                "reference_auc": 0.5031,
                "against": "holdout",
                "columns": [{"column": n, "share": 1 / columns} for n in names],
            },
            "utility": [
                {
                    "target": "column 0",
                    "task": "binary",
                    "metric": "AUC",
                    "real": 0.9117,
                    "synthetic": 0.9023,
                    "gap": -0.0094,
                    "low": -0.0151,
                    "high": -0.0037,
                    "interval": [0.8941, 0.9107],
                    "floor": 0.5003,
                    "n": 6_502,
                }
            ],
            "ranking": {
                "models": [
                    {"name": "boosting", "real": 0.917, "synthetic": 0.903},
                    {"name": "logistic", "real": 0.893, "synthetic": 0.889},
                ],
                "kendall": 0.87,
            },
            "attacks": [
                {
                    "name": "membership, everyone",
                    "threat": "An attacker who has the synthetic rows.",
                    "auc": 0.5143,
                    "low": 0.5029,
                    "high": 0.5261,
                    "tpr_at_1": 0.0171,
                    "tpr_low": 0.0127,
                    "tpr_high": 0.0226,
                    "reference": 0.5,
                    "verdict": "no leak found by these attacks",
                    "could_see": "An AUC of 0.531 would have been seen.",
                    "members": 2_011,
                    "outsiders": 2_003,
                    "tail_p": 0.3172,
                    "chosen": ["density, k = 5"],
                }
            ],
            "copies": {"exact": 0.00043, "exact_holdout": 0.00061, "qdcr2": 1.92},
            "rules": [
                {"rule": "a <= b", "real": 1.0, "synthetic": 0.9731, "origin": "mined", "n": 4_019}
            ],
            "tails": [
                {
                    "column": "column 0",
                    "tail": "upper 1 %",
                    "real": 0.01,
                    "synthetic": 0.03,
                    "holdout": 0.012,
                }
            ],
            "missing": [{"column": "column 1", "real": 0.25, "synthetic": 0.27}],
        },
    }


CARD = {
    "made_with": "Abbild 0.1.0",
    "seconds": 3.83,
    "recipe": {
        "command": "proxy",
        "source": "c0ffee" * 10,
        "holdout": 0.2,
        "engines": {"trees": {"min_gain": 1.25}},
        "schema": {"columns": ["left to schema.yaml"]},
        "rows": 13_003,
        "seed": 11,
        "versions": {"numpy": "2.4.1"},
    },
}


def without(part):
    """Return a full report that lacks one part of the evidence."""
    report = copy.deepcopy(full())
    del report["evidence"][part]
    return report
