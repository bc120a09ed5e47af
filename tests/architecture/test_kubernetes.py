"""The manifests for Kubernetes are right by its own schema, set what there is, and hold no secret."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from desk.settings import Settings, variable_of
from tests.architecture.files import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = "1.34"
WEB, MIGRATE = "web.yaml: Deployment deskgraph-web", "migrate.yaml: Job deskgraph-migrate-"
SECRETS = {"DATABASE_URL", "REDIS_URL", "DESK_MASTER_KEY", "DESK_SHOP_API_KEY", "DESK_MIGRATION_DATABASE_URL"}


def _documents() -> dict[str, dict[str, Any]]:
    files = sorted(FOLDER.glob("*.yaml"))
    read = ((path.name, yaml.safe_load_all(path.read_text())) for path in files)
    return {
        f"{name}: {document['kind']} {_called(document)}": document
        for name, documents in read
        if name != "kustomization.yaml"
        for document in documents
    }


def _called(document: dict[str, Any]) -> str:
    named: dict[str, str] = document["metadata"]
    return named.get("name") or named["generateName"]


DOCUMENTS = _documents()
PODS = {
    name: one["spec"]["template"]["spec"]
    for name, one in DOCUMENTS.items()
    if "template" in one.get("spec", {})
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_manifest_is_right_by_the_schema(name: str) -> None:
    kubernetes_validate.validate(DOCUMENTS[name], VERSION, strict=True)
    wrong = {**DOCUMENTS[name], "metadta": {}}
    with pytest.raises(kubernetes_validate.ValidationError, match="metadta"):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_the_kustomization_has_all_but_the_migration() -> None:
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert sorted(listed["resources"]) == sorted(
        path.name for path in FOLDER.glob("*.yaml") if path.name not in {"kustomization.yaml", "migrate.yaml"}
    )


@pytest.mark.parametrize("name", PODS)
def test_what_is_set_is_a_setting_and_secrets_come_from_secrets(name: str) -> None:
    known = {variable_of(field) for field in Settings.model_fields}
    (container,) = PODS[name]["containers"]
    from_secrets = {one["name"] for one in container["env"] if "secretKeyRef" in one["valueFrom"]}
    assert from_secrets == {one["name"] for one in container["env"]} <= SECRETS
    plain = DOCUMENTS["settings.yaml: ConfigMap deskgraph"]["data"]
    assert {*from_secrets, *plain} <= known
    assert not SECRETS & plain.keys()
    assert container["args"][0] in {"serve", "worker", "migrate"}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    pod = PODS[name]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]


def test_only_the_migration_has_the_owners_login() -> None:
    text = {name: yaml.safe_dump(pod) for name, pod in PODS.items()}
    assert [name for name, pod in text.items() if "deskgraph-owner" in pod] == [MIGRATE]


def test_probes_and_services_meet_what_is_served() -> None:
    (container,) = PODS[WEB]["containers"]
    served = (ROOT / "docs" / "api.md").read_text()  # drawn up from the routes
    for probe in (one for one in container if one.endswith("Probe")):
        assert f"`{container[probe]['httpGet']['path']}`" in served
    labels = DOCUMENTS[WEB]["spec"]["template"]["metadata"]["labels"]
    service = DOCUMENTS["web.yaml: Service deskgraph-web"]["spec"]
    assert service["selector"] == labels == DOCUMENTS[WEB]["spec"]["selector"]["matchLabels"]
    assert service["ports"][0]["targetPort"] == container["ports"][0]["name"]
    for kind, where in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        (found,) = (
            one for name, one in DOCUMENTS.items() if kind in name and _called(one) == "deskgraph-web"
        )
        assert found["spec"][where]["matchLabels"] == labels
