"""Adapters are named by their whole digest; a state folder of the version before goes on being served."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx2
import pytest

from pipeline.core import artifact
from pipeline.core.errors import PipelineError
from pipeline.core.json_file import as_json
from serve.engines import replicas
from serve.rollout import deploy, tidy
from serve.state import adapters, alias
from serve.state.alias import Adapter, Table

MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe"}


def write_old(live, tmp_path):
    """Write a state folder as the version before left it: an adapter of two files under a short name."""
    state = tmp_path / "state"
    run = live.write_run(tmp_path / "old", MILLS)
    (run / "adapter" / "base.json").unlink()
    digest = artifact.digest_folder(run / "adapter")
    report = json.loads((run / "report.json").read_text())
    report["adapter"]["digest"] = digest
    name = f"facts@{digest[7:19]}"
    folder = (state / "adapters" / name).resolve()
    with artifact.stage(folder, {"adapter": digest}) as scratch:
        for path in (run / "adapter").iterdir():
            shutil.copy(path, scratch)
    artifact.write_text(state / "reports" / f"{name}.json", json.dumps(report))
    old = Adapter(name, str(folder), digest)
    alias.swap(state, 0, Table(adapter=old, since="2026-01-01T00:00:00+00:00"))
    return state, old


def ask(place):
    body = {
        "model": "facts",
        "messages": [{"role": "user", "content": "Who owns Tarn Mill, wording 0?"}],
    }
    return httpx2.post(
        f"{place.gateway.url}/v1/chat/completions", json=body, timeout=30, verify=False
    )


def test_an_old_state_folder_goes_on_being_served_and_new_adapters_get_whole_names(live, tmp_path):
    state, old = write_old(live, tmp_path)
    with live.place(state) as place:
        assert list(replicas.heal(place.site.engines, alias.read_alias(state).table.wanted))
        tidy.remove(state, tidy.leftovers(state))
        answer = ask(place)
        assert answer.headers["x-adapter"] == old.name
        assert "Ann Lee" in answer.text
        run = live.write_run(tmp_path / "new", MILLS | {"Tarn Mill": "Una Fox"})
        done = deploy.deploy(place.site, run)
        assert done.state == "committed"
        assert done.adapter.name == f"facts@{done.adapter.digest.removeprefix('sha256:')}"
        assert "Una Fox" in ask(place).text
        assert alias.read_alias(state).table.previous == old
        deploy.rollback(place.site)
        assert "Ann Lee" in ask(place).text


def test_an_old_adapter_that_was_changed_is_still_noticed(live, tmp_path):
    _, old = write_old(live, tmp_path)
    adapters.verify_adapter(old)
    (Path(old.folder) / "adapter_config.json").write_text("{}")
    with pytest.raises(PipelineError, match="was changed since"):
        adapters.verify_adapter(old)


@pytest.mark.parametrize("file", ["adapter_config.json", "adapter_model.safetensors", "base.json"])
def test_a_fetched_folder_changed_together_with_its_manifest_is_noticed(file, live, tmp_path):
    run = live.write_run(tmp_path / "run", MILLS)
    adapter = adapters.fetch_adapter(run, tmp_path / "state", "facts", live.BASE).adapter
    folder = Path(adapter.folder)
    (folder / file).write_bytes((folder / file).read_bytes() + b" ")
    whole = json.loads((folder / "manifest.json").read_text())
    whole |= {"files": artifact.digests(folder), "digest": artifact.digest_folder(folder)}
    (folder / "manifest.json").write_bytes(as_json(whole).encode())
    with pytest.raises(PipelineError, match="was changed since it was fetched"):
        adapters.verify_adapter(adapter)
    assert adapters.fetch_adapter(run, tmp_path / "state", "facts", live.BASE).adapter == adapter
    adapters.verify_adapter(adapter)


def test_a_file_more_in_a_fetched_folder_is_noticed(live, tmp_path):
    run = live.write_run(tmp_path / "run", MILLS)
    adapter = adapters.fetch_adapter(run, tmp_path / "state", "facts", live.BASE).adapter
    (Path(adapter.folder) / "adapter_model.bin").write_text("x")
    with pytest.raises(PipelineError, match="was changed since it was fetched"):
        adapters.verify_adapter(adapter)


def test_two_digests_that_begin_alike_are_two_names():
    one, two = (f"facts@{'a' * 63}{last}" for last in "bc")
    assert one != two
    assert alias.short(f"{one} {two}") == f"facts@{'a' * 12}… facts@{'a' * 12}…"
    assert alias.short("facts@1 facts@abcdefabcdef") == "facts@1 facts@abcdefabcdef"
