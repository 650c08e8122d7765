"""Models: finds, loads and asks a base model, an adapter, or a server.

In: a recipe's base, folders with weights, prompts. Out: answers, loaded models, digests of their bytes.
Never: decides what is trained or whether an answer is good.
"""
