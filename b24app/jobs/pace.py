"""What a write costs the portal, as measured, so that a batch of them stays below its time."""

from collections.abc import Mapping

from b24app.bitrix24.client import Answer, Command
from b24app.bitrix24.errors import BitrixError
from b24app.jobs.models import Job

UNKNOWN = 1.0
NEWEST_WEIGHS = 0.3


class Pace:
    """Seconds of execution of one write, by method."""

    def __init__(self, job: Job) -> None:
        self._costs: dict[str, float] = {}

    def cost(self, method: str) -> float:
        return max(0.001, self._costs.get(method, UNKNOWN))

    def learn(
        self, outcomes: Mapping[str, Answer | BitrixError], commands: Mapping[str, Command]
    ) -> None:
        for key, command in commands.items():
            outcome = outcomes[key]
            if isinstance(outcome, Answer) and outcome.time is not None:
                seconds = outcome.time.processing or outcome.time.duration
                known = self._costs.get(command.method, seconds)
                self._costs[command.method] = known + NEWEST_WEIGHS * (seconds - known)
