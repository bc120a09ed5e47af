"""The realm of `deploy/keycloak`: what Keycloak puts into tokens by it is what the issuer's entry expects."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from desk.embedded import Engines
from desk.settings import Settings, TrustedIssuer
from desk.storage import tenants
from server.identity.jws import parse
from tests.plugins.stores import temporary_home
from tests.server.identity.conftest import bearing
from tests.server.replicas import Replica, replica, replica_settings
from tests.servers.key_server import KeyServer, key_server

FOLDER = Path(__file__).parents[3] / "deploy" / "keycloak"
REALM: dict[str, Any] = json.loads((FOLDER / "realm.json").read_text())
ISSUERS = (FOLDER / "issuers.json").read_text()
USERS = [user["username"] for user in REALM["users"]]


def named(kind: str, name: str, key: str = "name") -> dict[str, Any]:
    return next(cast("dict[str, Any]", entry) for entry in REALM[kind] if entry[key] == name)


def value_of(mapper: dict[str, Any], user: dict[str, Any]) -> Any:
    """What a mapper finds; one that is not known here fails the test."""
    config = mapper["config"]
    match mapper["protocolMapper"]:
        case "oidc-sub-mapper":
            return f"id of {user['username']}"
        case "oidc-audience-mapper":
            return [config["included.custom.audience"]]
        case "oidc-usermodel-property-mapper":
            return user[config["user.attribute"]]
        case "oidc-usermodel-attribute-mapper":
            own = user["attributes"] | {"email": [user["email"]]}
            return own[config["user.attribute"]][0]
        case "oidc-usermodel-realm-role-mapper":
            allowed = {role for entry in REALM["scopeMappings"] for role in entry["roles"]}
            return [role for role in user["realmRoles"] if role in allowed]
    raise AssertionError(mapper["protocolMapper"])


def claims_of(username: str, client_id: str, kind: str = "access.token.claim") -> dict[str, Any]:
    """The claims that the realm's mappers make for somebody who signs in by a client."""
    user, now = named("users", username, "username"), int(time.time())
    claims: dict[str, Any] = {
        "iat": now,
        "exp": now + REALM["accessTokenLifespan"],
        "azp": client_id,
        "typ": "Bearer" if kind == "access.token.claim" else "ID",
    }
    for scope in named("clients", client_id, "clientId")["defaultClientScopes"]:
        for mapper in named("clientScopes", scope)["protocolMappers"]:
            if mapper["config"].get(kind) != "true":
                continue
            claim = {"oidc-sub-mapper": "sub", "oidc-audience-mapper": "aud"}.get(mapper["protocolMapper"])
            _put(claims, claim or mapper["config"]["claim.name"], value_of(mapper, user))
    return claims


def _put(claims: dict[str, Any], path: str, value: Any) -> None:
    *folders, last = path.split(".")
    for folder in folders:
        claims = claims.setdefault(folder, {})
    claims[last] = value


@pytest.fixture(scope="module")
async def keycloak() -> AsyncIterator[KeyServer]:
    async with key_server() as server:
        yield server


@pytest.fixture(scope="module")
async def desk(migrated: Engines, keycloak: KeyServer) -> AsyncIterator[Replica]:
    """An application that believes the realm, by the entry of `issuers.json` but for the address."""
    entry = json.loads(ISSUERS)[0] | {"issuer": keycloak.url, "plain_http": True}
    with temporary_home() as home:
        changes = {"issuers": (TrustedIssuer.model_validate(entry),), "demo": True}
        async with replica(replica_settings(migrated, Path(home), **changes)) as found:
            async with found.desk.services.engine.database.control_tx() as tx:
                await tenants.create(tx, "garden", "A garden shop")
            yield found


def test_the_entry_is_what_the_setting_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_ISSUERS", ISSUERS)
    (entry,) = Settings().issuers
    assert entry.client_id == "deskgraph-console"
    assert "PUT-THE-CLIENT-SECRET-HERE" not in repr(entry)
    assert set(entry.authorized_parties) == {client["clientId"] for client in REALM["clients"]}
    assert set(entry.roles) == {role["name"] for role in REALM["roles"]["realm"]}


def test_the_realm_is_closed_where_it_must_be() -> None:
    assert REALM["registrationAllowed"] is False
    assert REALM["verifyEmail"] is True
    assert REALM["bruteForceProtected"] is True
    assert REALM["sslRequired"] == "external"
    for client in REALM["clients"]:
        assert client["attributes"]["pkce.code.challenge.method"] == "S256"
        assert not client["implicitFlowEnabled"]
        assert not client["directAccessGrantsEnabled"]
        assert not client["fullScopeAllowed"]
        assert all(uri.startswith(("https://", "http://127.0.0.1")) for uri in client["redirectUris"])
    (profile,) = REALM["components"]["org.keycloak.userprofile.UserProfileProvider"]
    attributes = json.loads(profile["config"]["kc.user.profile.config"][0])["attributes"]
    tenant = next(attribute for attribute in attributes if attribute["name"] == "tenant")
    assert tenant["permissions"]["edit"] == ["admin"], "who may write it chooses a tenant"
    assert not any("credentials" in user or "secret" in user for user in (*REALM["users"], *REALM["clients"]))


@pytest.mark.parametrize("username", USERS)
async def test_each_of_its_people_is_let_in_where_they_belong(
    desk: Replica, keycloak: KeyServer, username: str
) -> None:
    user = named("users", username, "username")
    claims = claims_of(username, "deskgraph-api") | {"iss": keycloak.url}
    usual = dict.fromkeys(keycloak.claims(), ...)
    headers = bearing(keycloak.token(**{**usual, **claims}))
    async with httpx.AsyncClient(base_url=desk.url, headers=headers, timeout=30) as client:
        who = await client.get("/api/v1/me")
        assert who.status_code == 200
        tenant, role = user["attributes"]["tenant"][0], user["realmRoles"][0].removeprefix("desk-")
        assert who.json().items() >= {"tenant": tenant, "role": role, "email": username}.items()


def test_there_are_people_of_two_tenants_and_every_role() -> None:
    assert {user["attributes"]["tenant"][0] for user in REALM["users"]} == {"bookshop", "garden"}
    roles = {role for user in REALM["users"] for role in user["realmRoles"]}
    assert roles == {"desk-user", "desk-agent", "desk-admin"}


async def test_the_id_token_of_the_console_signs_in(desk: Replica, keycloak: KeyServer) -> None:
    """Tenant and roles stand in it too; the audience of the API does not."""
    claims = claims_of("anne@bookshop.example", "deskgraph-console", "id.token.claim")
    assert "aud" not in claims
    tokens = desk.desk.reception.verifier.external["keycloak"]
    usual = dict.fromkeys(keycloak.claims(), ...)
    told = {**usual, **claims, "iss": keycloak.url, "aud": "deskgraph-console", "nonce": "n" * 43}
    identity = await tokens.signed_in(parse(keycloak.token(**told)), "n" * 43)
    assert (identity.tenant, identity.role) == ("bookshop", "agent")
    async with httpx.AsyncClient(base_url=desk.url, headers=bearing(keycloak.token(**told))) as client:
        assert (await client.get("/api/v1/me")).status_code == 401
