"""Rehearsal: cases played in the sandbox, with another prompt or parameters, and scored like a suite's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from desk.domain import Principal, Tenant
from desk.privacy.pseudonyms import Vault, restore
from evals.cases import Case, CaseTurn
from evals.scorers import SCORERS
from evals.scorers.observed import Observed
from graphs.replays.sandbox import Run, Talk
from graphs.services import Services
from graphs.tuning import Tuning
from prompts.choice import PromptChoice


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Plays cases as `who`; with `vouched` a case's own e-mail counts as verified, else it is a guest's."""

    services: Services
    tenant: Tenant
    who: Principal
    tuning: Tuning
    prompts: PromptChoice
    vouched: bool

    async def play(self, case: Case) -> list[dict[str, Any]]:
        """What failed, turn by turn; empty when the case passed. Raises whatever a node raises.

        Once a person would have taken over, the rest of the case is not played.
        """
        who = replace(self.who, email=case.person if self.vouched else None)
        talk = Talk(self.services, self.tenant, who, self.tuning, self.prompts)
        failures = []
        for turn in case.turns:
            run = await talk.say(turn.say)
            failed = _failed(turn, run, talk.vault)
            if failed:
                inner = run.reply["reply"]
                got = {name: inner[name] for name in ("route", "intent", "language", "text")}
                failures.append({"said": turn.say, "failed": failed, "got": got})
            if talk.over:
                break
        return failures


def _failed(turn: CaseTurn, run: Run, vault: Vault) -> list[str]:
    inner = run.reply["reply"]
    text = restore(inner["text"], vault)
    reply = {**inner, "text": text, "ms": run.reply["timings_ms"]["total"]}
    observed = Observed(reply, text, run.tools)
    return [name for name, score in SCORERS.items() if score(turn.expect, observed) is False]
