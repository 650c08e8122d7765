"""The live side: a vLLM server, the public door before it, and the redeploy of a new adapter."""
