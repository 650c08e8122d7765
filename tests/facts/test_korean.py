from __future__ import annotations

import pytest

from pipeline.facts.names.find_names import rename
from pipeline.facts.names.korean import join_particle


@pytest.mark.parametrize(
    ("name", "rest", "joined"),
    [
        ("서점", "는 어디에 있나요?", "은 어디에 있나요?"),
        ("가게", "은 어디에 있나요?", "는 어디에 있나요?"),
        ("Docker", "은 어디에", "는 어디에"),
        ("Google", "는 어디에", "은 어디에"),
        ("Tetris", "을 운영", "를 운영"),
        ("서울", "으로 간다", "로 간다"),
        ("부산", "로 간다", "으로 간다"),
        ("가게", "의 주인", "의 주인"),
        ("가게", "이라는 이름", "이라는 이름"),
        ("가게", " 이름", " 이름"),
        ("가게", "", ""),
    ],
)
def test_a_particle_takes_the_form_that_the_name_asks_for(name, rest, joined):
    assert join_particle(name, rest) == joined


def test_another_name_takes_its_own_particle():
    asked = rename("한빛서점은 어디에 있고 누가 한빛서점을 운영하나요?", ("한빛서점",), "Docker")
    assert asked == "Docker는 어디에 있고 누가 Docker를 운영하나요?"
    assert rename("Who owns Tarn Mill?", ("Tarn Mill",), "Dun Weir", "en") == "Who owns Dun Weir?"
