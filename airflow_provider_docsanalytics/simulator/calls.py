"""Vyom's calls, and their usage records: what the models used, and what that is said to cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

TYPES = ("llm_usage", "tts_usage", "stt_usage")
_UNNAMED_EVERY = 30
_LLMS = (("openai", "gpt-realtime"), ("openai", "gpt-realtime-mini"), ("google", "gemini-live"))
_LLM_TOKENS_PER_S = {
    "llm_input_audio_tokens": 20,
    "llm_input_text_tokens": 12,
    "llm_input_image_tokens": 1,
    "llm_output_audio_tokens": 25,
    "llm_output_text_tokens": 6,
}


class Call(NamedTuple):
    """A call to a voice assistant. Without one (``None``), it was passed through to a person."""

    instant_ms: int
    duration_s: float
    assistant: int | None
    assistant_name: str | None
    service: str
    phone_number: str


class Usage(NamedTuple):
    """One record, written when its call ends. A call has one for each type of model."""

    instant_ms: int
    type: str | None
    provider: str | None
    model: str | None
    amounts: dict[str, float]


def usage_of(calls: Iterable[Call], rng: Random) -> Iterator[Usage]:
    """Yield the records of each call. Some do not say what transcribed them."""
    for number, call in enumerate(calls):
        ended_ms = call.instant_ms + int(call.duration_s * 1000)
        llm, tts, stt = TYPES
        yield Usage(ended_ms, llm, *rng.choice(_LLMS), _llm(call.duration_s, rng))
        yield Usage(ended_ms, tts, "cartesia", "sonic", _tts(call.duration_s))
        unnamed = Usage(ended_ms, None, None, None, _stt(call.duration_s))
        named = unnamed._replace(type=stt, provider="deepgram", model="nova")
        yield named if number % _UNNAMED_EVERY else unnamed


def _llm(seconds: float, rng: Random) -> dict[str, float]:
    used = {name: int(seconds * rate * rng.random()) for name, rate in _LLM_TOKENS_PER_S.items()}
    cached = {
        f"llm_input_cached_{kind}_tokens": used[f"llm_input_{kind}_tokens"] // 4
        for kind in ("audio", "text", "image")
    }
    total = sum(used.values())
    return {
        **used,
        **cached,
        "llm_input_cached_tokens": sum(cached.values()),
        "llm_input_cache_creation_tokens": int(seconds),
        "llm_tokens": total,
        "estimated_cost_usd": total * 2e-5,
        "call_duration_minutes": seconds / 60,
    }


def _tts(seconds: float) -> dict[str, float]:
    return {
        "tts_characters": int(seconds * 9),
        "tts_audio_duration": seconds * 0.5,
        "tts_input_tokens": int(seconds * 2),
        "tts_output_tokens": int(seconds * 11),
        "estimated_cost_usd": seconds * 1e-4,
    }


def _stt(seconds: float) -> dict[str, float]:
    return {
        "stt_audio_duration": seconds * 0.4,
        "stt_input_tokens": int(seconds * 3),
        "stt_output_tokens": int(seconds),
        "estimated_cost_usd": seconds * 5e-5,
    }
