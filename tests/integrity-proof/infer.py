"""How many foreign keys are found again when they are taken away."""


def measure(proof, name):
    return {"keys": 0, "again": 0, "inferred": 0, "false": [], "lost": []}


def strip(proof, name):
    pass
