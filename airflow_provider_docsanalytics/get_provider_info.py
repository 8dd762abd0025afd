"""The provider's metadata, as Airflow's provider discovery reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics import __version__
from airflow_provider_docsanalytics.api.mintlify import MINTLIFY
from airflow_provider_docsanalytics.api.vyom import VYOM
from airflow_provider_docsanalytics.hooks import _connection as form

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.api.endpoint import Platform

_PACKAGE = "airflow_provider_docsanalytics"
_LAKE = f"{_PACKAGE}.operators.lake"
_LINKS = f"{_PACKAGE}.operators.links"
_RETRY = f"{_PACKAGE}._airflow_retry"
_SENSORS = f"{_PACKAGE}.sensors.mintlify"
_TRIGGERS = f"{_PACKAGE}.triggers.mintlify"
_WAITING = f"{_PACKAGE}.triggers.wait"
_PLATFORMS = {"MintlifyHook": MINTLIFY, "VyomHook": VYOM}


def get_provider_info() -> dict[str, Any]:
    """Return the document that ``provider_info.schema.json`` describes."""
    return {
        "package-name": "airflow-provider-docsanalytics",
        "name": "Documentation analytics",
        "description": "Exports Mintlify and Vyom analytics to your own storage.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": platform.title,
                "external-doc-url": platform.default_url,
                "tags": ["service"],
            }
            for platform in _PLATFORMS.values()
        ],
        "hooks": _modules("hooks"),
        "operators": [
            {
                "integration-name": entry["integration-name"],
                "python-modules": [*entry["python-modules"], _LAKE],
            }
            for entry in _modules("operators")
        ],
        "sensors": [{"integration-name": MINTLIFY.title, "python-modules": [_SENSORS]}],
        "triggers": [
            {"integration-name": MINTLIFY.title, "python-modules": [_TRIGGERS, _WAITING]},
            {"integration-name": VYOM.title, "python-modules": [_WAITING]},
        ],
        "retry-policies": [  # Airflow 3.4+; the others ignore it
            {"integration-name": platform.title, "python-modules": [_RETRY]}
            for platform in _PLATFORMS.values()
        ],
        "extra-links": [
            f"{_LINKS}.{name}"
            for name in ("ManifestLink", "AnalyticsLink", "AuditLink", "ReportLink")
        ],
        "asset-uris": _asset_uris(),
        "dataset-uris": _asset_uris(),  # what Airflow 2 calls them
        "connection-types": [
            _connection_type(hook, platform) for hook, platform in _PLATFORMS.items()
        ],
    }


def _modules(kind: str) -> list[dict[str, Any]]:
    return [
        {
            "integration-name": platform.title,
            "python-modules": [f"{_PACKAGE}.{kind}.{platform.name}"],
        }
        for platform in _PLATFORMS.values()
    ]


def _asset_uris() -> list[dict[str, Any]]:
    return [
        {
            "schemes": [platform.name],
            "handler": f"{_PACKAGE}.assets.sanitize_uri",
            "factory": f"{_PACKAGE}.assets.{platform.name}_asset",
            "to_openlineage_converter": f"{_PACKAGE}._openlineage.to_openlineage",
        }
        for platform in _PLATFORMS.values()
    ]


def _connection_type(hook: str, platform: Platform) -> dict[str, Any]:
    """Return the connection's form for Airflow 3.2+; older versions call the hook's methods."""
    return {
        "connection-type": platform.name,
        "hook-class-name": f"{_PACKAGE}.hooks.{platform.name}.{hook}",
        "hook-name": platform.title,
        "ui-field-behaviour": {
            "hidden-fields": form.hidden_fields(platform),
            "relabeling": form.relabeling(platform),
            "placeholders": form.placeholders(platform),
        },
        "conn-fields": {
            name: {
                "label": field.label,
                "description": field.help,
                "schema": {"type": [field.type, "null"]},
            }
            for name, field in form.EXTRA_FIELDS.items()
        },
    }
