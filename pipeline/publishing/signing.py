"""Signs releases and verifies signatures with model-signing, by a key or by the identity of a workflow.

A signature covers every file of the folder but itself and the manifest, which is written after it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # model-signing has no types

from pipeline.core.arguments import variable
from pipeline.core.artifact import MANIFEST
from pipeline.core.errors import ConfigError, PublishError
from pipeline.core.escape import plain

SIGNATURE = "model.sig"
KEY = "SCHOOLHOUSE_SIGNING_KEY"
AMBIENT = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
"""GitHub gives this to jobs that have `permissions: id-token: write`."""
ISSUER = "https://token.actions.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class Trust:
    """The signer that is asked for: a PEM file with a public key, or a workflow's address; not both."""

    key: Path | None = None
    identity: str = ""

    def __bool__(self) -> bool:
        return self.key is not None or bool(self.identity)


ANYBODY = Trust()
"""No signature is asked for."""


def can_sign() -> bool:
    """Return whether this machine has a key or an identity to sign with.

    Raises ConfigError when the key's variable is set and empty.
    """
    return bool(variable(KEY) or os.environ.get(AMBIENT))


def sign(folder: Path) -> None:
    """Write the signature of all that is in a folder into it.

    Raises ConfigError when the key cannot be used, or the identity is not accepted.
    """
    hashing = _library().hashing.Config().set_ignored_paths(paths=(), ignore_git_paths=False)
    signing = _library().signing.Config().set_hashing_config(hashing)
    key = variable(KEY)
    try:
        if key:
            signing.use_elliptic_key_signer(private_key=key)
        else:
            signing.use_sigstore_signer(use_ambient_credentials=True)
        signing.sign(folder, folder / SIGNATURE)
    except _failures() as error:
        raise ConfigError(
            f"the release cannot be signed: {plain(str(error), 200)}",
            f"{KEY} has to name a PEM file with a private key on the curve P-256, P-384 or P-521"
            if key
            else "the job needs `permissions: id-token: write` and a way to Sigstore",
        ) from error


def verify(folder: Path, trust: Trust) -> None:
    """Check that whom we trust has signed exactly what is in a folder.

    Raises PublishError when not, and ConfigError when the key cannot be used.
    """
    if not (folder / SIGNATURE).is_file():
        raise PublishError(
            f"{SIGNATURE}: is missing, the release is not signed",
            "ask the publisher to sign it; it is only taken unsigned where no signer is asked for",
        )
    folder = folder.resolve()  # the library compares paths as they are written
    after = [folder / SIGNATURE, folder / MANIFEST]
    hashing = _library().hashing.Config().set_ignored_paths(paths=after, ignore_git_paths=False)
    verifying = _library().verifying.Config().set_hashing_config(hashing)
    try:
        if trust.key:
            verifying.use_elliptic_key_verifier(public_key=trust.key)
        else:
            verifying.use_sigstore_verifier(identity=trust.identity, oidc_issuer=ISSUER)
    except _failures() as error:
        what = f"{trust.key}: is no public key" if trust.key else "Sigstore cannot be asked"
        raise ConfigError(
            f"{what}: {plain(str(error), 200)}",
            "give the PEM file that the publisher made public, with --key; --identity needs the network",
        ) from error
    try:
        verifying.verify(folder, folder / SIGNATURE)
    except _failures() as error:
        raise PublishError(
            f"{SIGNATURE}: does not hold: {plain(str(error) or type(error).__name__, 300)}",
            "somebody else signed it, or it was changed since; do not use it",
        ) from error


def _failures() -> tuple[type[Exception], ...]:
    """List what the library lets through: a stranger's file may be wrong in any way."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from google.protobuf.message import Error
    from sigstore.errors import Error as SigstoreError

    wrong = (ValueError, TypeError, LookupError, AttributeError, OSError)
    return (*wrong, InvalidSignature, UnsupportedAlgorithm, Error, SigstoreError)


def _library() -> Any:
    try:
        import model_signing
    except ImportError as error:
        raise ConfigError(
            f"signing needs a library that is not installed: {error.name}",
            "`make install` brings it; by hand: pip install 'schoolhouse[hub]'",
        ) from error
    return model_signing
