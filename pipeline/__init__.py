"""Schoolhouse: facts in a git repository become a LoRA adapter that provably knows them."""
