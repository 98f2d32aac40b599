from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cli.dispatch.limiter import LONGEST_BACKOFF, LONGEST_PAUSE, Limiter, pause

seconds = st.floats(0, 1000)


class Requests(RuleBasedStateMachine):
    """Requests leave when the limiter says so and end in every way; time goes on."""

    @initialize(most=st.integers(1, 50))
    def begin(self, most: int) -> None:
        self.most = most
        self.limiter = Limiter(most)
        self.now = 0.0
        self.not_before = 0.0
        self.windows: list[int] = []

    @rule(passed=seconds)
    def wait(self, passed: float) -> None:
        self.now += passed

    @precondition(lambda self: self.limiter.wait(self.now) == 0)
    @rule()
    def send(self) -> None:
        assert self.now >= self.not_before
        assert len(self.windows) < self.limiter.allowed
        self.windows.append(self.limiter.send())

    @precondition(lambda self: self.windows)
    @rule(data=st.data())
    def answered(self, data: st.DataObject) -> None:
        before = self.limiter.allowed
        self.limiter.answered(self._take(data))
        assert before <= self.limiter.allowed <= before + 1

    @precondition(lambda self: self.windows)
    @rule(data=st.data(), asked=seconds)
    def slowed(self, data: st.DataObject, asked: float) -> None:
        before = self.limiter.allowed
        self.limiter.slowed(self._take(data), self.now + asked)
        self.not_before = max(self.not_before, self.now + asked)
        assert before // 2 <= self.limiter.allowed <= before

    @precondition(lambda self: self.windows)
    @rule(data=st.data())
    def left(self, data: st.DataObject) -> None:
        before = self.limiter.allowed
        self.limiter.left()
        self._take(data)
        assert self.limiter.allowed == before

    def _take(self, data: st.DataObject) -> int:
        return self.windows.pop(data.draw(st.integers(0, len(self.windows) - 1)))

    @invariant()
    def at_least_one_and_never_more_than_most(self) -> None:
        assert 1 <= self.limiter.allowed <= self.most

    @invariant()
    def whoever_waits_has_something_to_wait_for(self) -> None:
        wait = self.limiter.wait(self.now)
        if wait is None:
            assert len(self.windows) >= self.limiter.allowed
        else:
            # To the last bit of a float.
            assert abs(wait - max(self.not_before - self.now, 0)) < 1e-6


TestRequests = Requests.TestCase


def test_a_burst_of_refusals_halves_once() -> None:
    limiter = Limiter(16)
    windows = [limiter.send() for _ in range(16)]
    for window in windows:
        limiter.slowed(window, 0.0)
    assert limiter.allowed == 8


def test_what_is_refused_after_a_halving_halves_again() -> None:
    limiter = Limiter(16)
    for expected in (8, 4, 2, 1, 1):
        limiter.slowed(limiter.send(), 0.0)
        assert limiter.allowed == expected


@given(most=st.integers(1, 30))
def test_answers_bring_every_place_back(most: int) -> None:
    limiter = Limiter(most)
    limiter.slowed(limiter.send(), 0.0)
    for _ in range(most * most):
        limiter.answered(limiter.send())
    assert limiter.allowed == most


@given(
    tries=st.integers(1, 10_000),
    asked=st.none() | st.floats(0, 1e9),
    chance=st.floats(0, 1),
    first=st.floats(0.001, 10),
)
def test_a_pause_is_as_long_as_was_asked_and_bounded(
    tries: int, asked: float | None, chance: float, first: float
) -> None:
    seconds = pause(tries, asked, chance, first)
    if asked is None:
        assert 0 < seconds <= LONGEST_BACKOFF
    else:
        assert min(asked, LONGEST_PAUSE) <= seconds <= LONGEST_PAUSE


@given(tries=st.integers(1, 20), chance=st.floats(0, 1))
def test_pauses_that_nobody_asked_for_never_shrink(tries: int, chance: float) -> None:
    assert pause(tries, None, chance, 0.5) <= pause(tries + 1, None, chance, 0.5)
