"""The dataset: writes the training examples and the probes of facts.

In: `Subject`s and a recipe. Out: a `Dataset`: examples that are trained on, probes that are only asked.
Never: loads a model; what a model is needed for is given as a function.
"""
