"""Intents by route: a text is read as a form, an entry is put back, for admins alone, and nothing is kept."""

from __future__ import annotations

import httpx

from prompts.intents import read_intents

TEXT = read_intents("general")
HOURS = {
    "name": "opening_hours",
    "route": "canned",
    "examples": ["when are you open?"],
    "reply": {"en": "9 to 5."},
}


async def test_a_text_becomes_a_form_and_an_entry_goes_back(boss: httpx.AsyncClient) -> None:
    before = (await boss.get("/api/v1/prompts")).json()
    form = (await boss.post("/api/v1/intents/form", json={"text": TEXT})).json()
    greeting = form["intents"][0]
    assert (greeting["name"], greeting["route"], "hi" in greeting["examples"]) == ("greeting", "canned", True)
    assert form["languages"][0] == "en"
    assert "start_return" in form["tools"]
    added = (await boss.post("/api/v1/intents/entry", json={"text": TEXT, "intent": HOURS})).json()
    assert added["problems"] == []
    assert "  - name: opening_hours\n" in added["text"]
    back = {"text": added["text"], "name": "opening_hours"}
    assert (await boss.post("/api/v1/intents/entry", json=back)).json()["text"] == TEXT
    assert (await boss.get("/api/v1/prompts")).json() == before


async def test_a_pack_may_be_longer_than_other_requests_within_bounds(boss: httpx.AsyncClient) -> None:
    form = "/api/v1/intents/form"
    long = TEXT + "".join(f"# {'y' * 97}\n" for _ in range(800))
    assert (await boss.post(form, json={"text": long})).status_code == 200
    assert (await boss.post(form, json={"text": "y" * 256 * 1024})).status_code == 413
    assert (await boss.post("/api/v1/chat/", json={"message": "y" * 64 * 1024})).status_code == 413


async def test_mistakes_are_said_field_by_field(boss: httpx.AsyncClient) -> None:
    wrong = {"name": "thanks", "route": "canned", "examples": ["hi"]}
    answer = await boss.post("/api/v1/intents/entry", json={"text": TEXT, "intent": wrong})
    assert answer.status_code == 200
    assert answer.json()["text"] is None
    assert [one["field"] for one in answer.json()["problems"]] == ["name", "examples", "reply.en"]
    # Longer than intents may be, and still short enough to be sent.
    long = HOURS | {"examples": [f"{at} " + "y" * 400 for at in range((121_000 - len(TEXT)) // 405)]}
    answer = await boss.post("/api/v1/intents/entry", json={"text": TEXT, "intent": long})
    assert answer.json()["problems"] == [{"field": "", "message": "Intents have at most 120000 characters."}]


async def test_what_belongs_to_none_is_in_the_form_and_goes_back(boss: httpx.AsyncClient) -> None:
    form = (await boss.post("/api/v1/intents/form", json={"text": TEXT})).json()
    assert "will it rain in London" in form["out_of_scope"]
    said = ["is it raining", *form["out_of_scope"]]
    body = {"text": TEXT, "out_of_scope": said}
    written = (await boss.post("/api/v1/intents/entry", json=body)).json()
    assert written["problems"] == []
    again = (await boss.post("/api/v1/intents/form", json={"text": written["text"]})).json()
    assert again == form | {"out_of_scope": said}
    wrong = await boss.post("/api/v1/intents/entry", json=body | {"out_of_scope": ["hi"]})
    assert wrong.json()["text"] is None
    assert [one["field"] for one in wrong.json()["problems"]] == ["out_of_scope"]
    both = await boss.post("/api/v1/intents/entry", json=body | {"name": "greeting"})
    assert both.status_code == 422


async def test_what_is_no_text_of_intents_is_refused(boss: httpx.AsyncClient, ada: httpx.AsyncClient) -> None:
    for path, body in (("form", {"text": "intents: ["}), ("entry", {"text": "intents: [", "name": "x"})):
        refused = await boss.post(f"/api/v1/intents/{path}", json=body)
        assert (refused.status_code, "not valid YAML" in refused.json()["detail"]) == (422, True)
    gone = await boss.post("/api/v1/intents/entry", json={"text": TEXT, "name": "nothing"})
    assert "no intent 'nothing'" in gone.json()["problems"][0]["message"]
    assert (await boss.post("/api/v1/intents/entry", json={"text": TEXT})).status_code == 422
    assert (await ada.post("/api/v1/intents/form", json={"text": TEXT})).status_code == 403
