"""Print the labels that Airflow's own connection forms show, as JSON, by connection type."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_docsanalytics.version_compat import AIRFLOW_V_3_0_PLUS

FIELDS = ("host", "port", "login", "password")


def main() -> None:
    read = _of_airflow_3 if AIRFLOW_V_3_0_PLUS else _of_airflow_2
    print(json.dumps({kind: read(kind) for kind in ("mintlify", "vyom")}))


def _of_airflow_2(kind: str) -> dict[str, Any]:
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    extra = {
        widget.field_name: widget.field.args[0]
        for name, widget in manager.connection_form_widgets.items()
        if name.startswith(f"extra__{kind}__")
    }
    return {"labels": manager.field_behaviours[kind]["relabeling"], "extra": extra}


def _of_airflow_3(kind: str) -> dict[str, Any]:
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    (form,) = [each for each in HookMetaService.hook_meta_data() if each.connection_type == kind]
    shown = {name: getattr(form.standard_fields, name) for name in FIELDS}
    return {
        "labels": {name: field.title for name, field in shown.items() if field and field.title},
        "extra": {name: field["schema"]["title"] for name, field in form.extra_fields.items()},
    }


if __name__ == "__main__":
    main()
