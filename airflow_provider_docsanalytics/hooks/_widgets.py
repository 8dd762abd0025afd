"""The extra's fields in the form of Airflow before 3.2; needs WTForms and Flask AppBuilder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_docsanalytics.hooks._connection import EXTRA_FIELDS

if TYPE_CHECKING:
    from airflow_provider_docsanalytics.hooks._connection import ExtraField

_SECRET = "proxies"  # noqa: S105 - its URL may hold a password
_UNCHANGED = "RATHER_LONG_SENSITIVE_FIELD_PLACEHOLDER"
"""What Airflow 2 reads as: keep what is stored. An empty field would be forgotten."""


def extra_fields() -> dict[str, Any]:
    """Return the fields by name; imported late, since Airflow 3 puts mocks in their place."""
    return {
        name: _secret(field) if name == _SECRET else _text(field)
        for name, field in EXTRA_FIELDS.items()
    }


def _text(field: ExtraField) -> Any:
    from flask_appbuilder.fieldwidgets import (  # type: ignore[import-not-found]
        BS3TextFieldWidget,
    )
    from wtforms import StringField  # type: ignore[import-untyped]

    return StringField(field.label, widget=BS3TextFieldWidget(), description=field.help)


def _secret(field: ExtraField) -> Any:
    """Return a field that never shows its value: Airflow 2 masks the last type's alone."""
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget
    from wtforms import PasswordField

    class Masked(BS3PasswordFieldWidget):  # type: ignore[misc]
        def __call__(self, field: Any, **kwargs: Any) -> Any:
            self.hide_value = False  # else empty
            kwargs["value"] = _UNCHANGED if field.data else ""
            return super().__call__(field, **kwargs)

    return PasswordField(field.label, widget=Masked(), description=field.help)
