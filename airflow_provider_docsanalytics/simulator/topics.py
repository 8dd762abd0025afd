"""What the questions and searches are about. :mod:`.words` describes the placeholders."""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """What people ask about. ``weight`` is its part of all questions and searches."""

    category: str | None
    page: str
    weight: int
    unanswered: float
    """Part of the questions."""
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    """Sentences, of which neighbours fit together."""
    searches: tuple[str, ...]
    """The most frequent ones come first."""


SIGNATURES = Topic(
    "Webhooks",
    "/guides/webhook-signatures",
    16,
    0.5,
    (
        "How do I verify the webhook signature in {sdk}?",
        "the signature never matches, i use the raw body and the secret from the dashboard",
        "Which secret do I use for the signature, the one of the endpoint or my API key?",
        "Is the timestamp part of the signed text? The page says yes, the example leaves it out",
        "invalid_signature on every delivery since we put a proxy in front, what does it change?",
        "Do you have a complete {sdk} example that verifies a signature and answers 200?",
        "What is the tolerance for the timestamp in Tidepost-Signature?",
        "verify signature hex or base64?",
    ),
    (
        "Tidepost signs each delivery with the secret of the endpoint.",
        "Compute an HMAC with SHA-256 of the body, and compare it with `Tidepost-Signature`.",
        "Use the raw body, before your framework parses it.",
        "In {sdk}, read the body as bytes and compare the signatures in constant time.",
    ),
    (
        *("webhook signature", "verify signature", "invalid_signature", "signing secret"),
        *("hmac", "signature header", "webhook secret"),
    ),
)
MIGRATION = Topic(
    "Migration",
    "/guides/migrate-to-v4",
    1,
    0.4,
    (
        "What breaks when we go from v3 to v4?",
        "labels.create returns 400 unknown_field service_level since v4, what is its new name?",
        "Can v3 and v4 be used side by side with the same API key?",
        "How long will v3 keep working?",
        "Does the {sdk} SDK support v4 already?",
        "Are webhooks sent in the v3 or the v4 format after the migration?",
        "migrate to v4: where did shipment.rates go?",
    ),
    (
        "In v4, `service_level` is called `service`, and rates have moved to `/rates`.",
        "Change one endpoint at a time: both versions accept the same API key.",
        "Set the version of each webhook endpoint in the dashboard.",
        "New endpoints get v4; existing ones keep v3 until you change them.",
    ),
    ("migrate to v4", "v4", "v4 breaking changes", "service_level", "v3 end of life"),
)
TOPICS = (
    SIGNATURES,
    MIGRATION,
    Topic(
        "Webhooks",
        "/guides/webhooks",
        10,
        0.08,
        (
            "How do I get a webhook when a parcel is delivered?",
            "Which events are there for returns?",
            "Do you retry a webhook when our server answers 500?",
            "we receive the same event twice, how do we tell?",
            "Can I send webhooks to localhost while I develop?",
            "From which IP addresses do webhooks come?",
        ),
        (
            "Create an endpoint in the dashboard, and subscribe to `tracker.delivered`.",
            "Tidepost sends each event as a POST request.",
            "A delivery that does not get a 2xx within 10 seconds is repeated for 3 days.",
            "Store the `id` of each event, and skip those that you have seen.",
        ),
        ("webhooks", "webhook events", "webhook retry", "tracker.delivered", "webhook ip"),
    ),
    Topic(
        "Authentication",
        "/get-started/authentication",
        9,
        0.06,
        (
            "Where do I find my API key?",
            "401 with a key that worked yesterday, do keys expire?",
            "What is the difference between a test key and a live key?",
            "Can I limit an API key to one warehouse?",
            "how to send the api key with {sdk}",
        ),
        (
            "Send your key in the `Authorization` header: `Bearer tp_live_…`.",
            "Keys are made and revoked in the dashboard, under Developers.",
            "A test key works in the sandbox only, and a live key buys real labels.",
            "Keys do not expire, but a member who leaves the team takes theirs along.",
        ),
        ("api key", "authentication", "401", "bearer token", "rotate key", "test key"),
    ),
    Topic(
        "Labels",
        "/guides/create-a-label",
        14,
        0.07,
        (
            "How do I create a label for {carrier}?",
            "Can I get the label as ZPL instead of PDF?",
            "How can I cancel a label that was not used? Do I get the money back?",
            "what is the maximum weight for {carrier} to {country}?",
            "We need {number} labels at once, is there an endpoint for that?",
            "label is cut off when printed on 4x6, which size do I ask for?",
            "How long is a label valid?",
        ),
        (
            "Create a shipment, pick a rate, and buy the label with `POST /labels`.",
            "The response has `label_url`: a PDF unless you set `format` to `zpl` or `png`.",
            "Unused labels can be refunded for 28 days: `POST /labels/{{id}}/cancel`.",
            "The refund is credited once the carrier has confirmed it, mostly within two weeks.",
        ),
        ("create label", "zpl", "cancel label", "bulk labels", "label size", "refund", "print"),
    ),
    Topic(
        "Tracking",
        "/guides/track-a-parcel",
        12,
        0.1,
        (
            "How often is the tracking status updated?",
            "Can I track a parcel that was not sent with Tidepost?",
            "status is stuck at in_transit for days with {carrier}",
            "What does the status exception mean?",
            "Is there an estimated delivery date in the API?",
            "How do I show a tracking page with our own logo?",
        ),
        (
            "Create a tracker with the carrier and the tracking code.",
            "Tidepost asks the carrier every hour, and sends you each change as an event.",
            "`exception` means that the carrier needs help, for example with an address.",
            "The field `details` has the carrier's own words.",
        ),
        ("tracking", "tracking status", "estimated delivery", "in_transit", "tracking page"),
    ),
    Topic(
        "Rate limits",
        "/concepts/rate-limits",
        6,
        0.12,
        (
            "How many requests per second may I send?",
            "we get 429 when we print {number} labels, how do we slow down correctly?",
            "Does the sandbox have its own rate limit?",
            "Is the limit per key or per account?",
        ),
        (
            "An account may send 25 requests a second, over all of its keys.",
            "On a 429, wait for the number of seconds in `Retry-After`, then try again.",
        ),
        ("rate limit", "429", "too many requests", "retry-after"),
    ),
    Topic(
        "Returns",
        "/guides/returns",
        7,
        0.1,
        (
            "How do I put a return label into the box?",
            "Do I pay for return labels that nobody uses?",
            "Can customers create a return on their own?",
            "return label from {country}, which customs form is needed?",
        ),
        (
            "Set `is_return` when you buy the label; sender and recipient change places.",
            "With {carrier}, you pay once the parcel is scanned.",
        ),
        ("return label", "returns", "returns portal", "is_return"),
    ),
    Topic(
        "Customs",
        "/guides/customs",
        7,
        0.25,
        (
            "Which customs form do I need for {country}?",
            "What do I enter as HS code for a gift card?",
            "is the EORI number required for {country}?",
            "Who pays the duties, and can I set that in the API?",
            "customs_info missing although we send customs_items",
        ),
        (
            "For parcels to {country}, add a customs item for each kind of goods.",
            "An item needs a description, the value, the weight and six digits of the HS code.",
        ),
        ("customs form", "hs code", "eori", "duties", "incoterms"),
    ),
    Topic(
        "Addresses",
        "/guides/validate-an-address",
        5,
        0.08,
        (
            "How do I check an address before I buy a label?",
            "Address validation fails for new buildings in {country}",
            "can a parcel go to a PO box with {carrier}?",
        ),
        (
            "Send the address to `POST /addresses` with `verify` set.",
            "The response has the address as {carrier} writes it, and warnings.",
        ),
        ("address validation", "po box", "verify address", "residential"),
    ),
    Topic(
        "Testing",
        "/get-started/sandbox",
        6,
        0.08,
        (
            "Do labels from the sandbox cost anything?",
            "How do I simulate a delivered parcel in the sandbox?",
            "Which carriers work in the sandbox?",
            "are webhooks sent in test mode?",
        ),
        (
            "The sandbox is free and never ships.",
            "The tracking codes TP_DELIVERED and TP_EXCEPTION give you each status.",
        ),
        ("sandbox", "test mode", "test tracking code", "postman"),
    ),
    Topic(
        "Billing",
        "/account/billing",
        5,
        0.3,
        (
            "Why is the invoice higher than the rate that the API gave?",
            "Where can I download the invoices of last year?",
            "Can we pay by bank transfer from {country}?",
            "what is an adjustment fee by {carrier}?",
        ),
        (
            "Carriers weigh each parcel, and charge the difference as an adjustment.",
            "Invoices list adjustments with the tracking code; you can dispute them for 30 days.",
        ),
        ("invoice", "pricing", "adjustment fee", "payment method"),
    ),
    Topic(
        "SDKs",
        "/sdks/python",
        6,
        0.08,
        (
            "How do I set a timeout in the {sdk} SDK?",
            "Is the {sdk} SDK safe to use from several threads?",
            "pip install tidepost fails on an old Python, which versions are supported?",
            "Does the client retry by itself?",
        ),
        (
            "Pass `timeout` and `max_retries` to the client.",
            "It retries connection errors, 429 and 5xx with a backoff.",
        ),
        ("python", "node sdk", "timeout", "install", "typescript", "async client"),
    ),
    Topic(
        "API",
        "/concepts/pagination",
        4,
        0.05,
        (
            "How do I list all shipments of last month?",
            "has_more is true but the next page is empty",
            "Can I sort shipments by date?",
        ),
        (
            "Lists return up to 100 objects.",
            "Pass the last `id` as `starting_after` until `has_more` is false.",
            "`created_after` and `created_before` limit the list to a period.",
        ),
        ("pagination", "list shipments", "starting_after", "filter by date"),
    ),
    Topic(
        "Integrations",
        "/integrations/shopify",
        6,
        0.15,
        (
            "Orders from Shopify do not show up in Tidepost",
            "Can I connect two shops to one account?",
            "Does the Shopify app send the tracking code to the customer?",
            "is there a plugin for WooCommerce subscriptions?",
        ),
        (
            "Install the app from the dashboard, and choose which orders to import.",
            "Orders appear within five minutes; older ones need a manual import.",
        ),
        ("shopify", "woocommerce", "netsuite", "connect shop"),
    ),
    Topic(
        None,
        "/account/team",
        6,
        0.8,
        (
            "Do you support single sign-on with SAML?",
            "Is there a way to host Tidepost on our own servers?",
            "How much CO2 does a shipment with {carrier} cause?",
            "Can I get a data processing agreement in the language of {country}?",
            "does the API have GraphQL",
            "Nobody answers my ticket, call me on +1 555 010 0199 or write to ops@example.com",
        ),
        ("The dashboard has roles for members of a team: owner, developer, and warehouse.",),
        ("sso", "saml", "on-premise", "graphql", "co2", "data processing agreement", "terraform"),
    ),
)
"""The last topic is one that no page is about; its searches lead nowhere."""
