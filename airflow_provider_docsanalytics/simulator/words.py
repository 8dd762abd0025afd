"""Words only: an invented documentation, and what its readers search, ask and say.

The product is Tidepost, a service for shipping labels.

``{sdk}``, ``{carrier}``, ``{country}`` and ``{number}`` stand for one of :data:`FILLERS`.
"""

from __future__ import annotations

from airflow_provider_docsanalytics.simulator.topics import MIGRATION, SIGNATURES

PAGES = (
    ("/", "Tidepost documentation"),
    ("/get-started/quickstart", "Quickstart"),
    ("/guides/create-a-label", "Create a label"),
    ("/guides/webhook-signatures", "Verify webhook signatures"),
    ("/guides/track-a-parcel", "Track a parcel"),
    ("/get-started/authentication", "Authentication"),
    ("/guides/webhooks", "Receive webhooks"),
    ("/concepts/rate-limits", "Rate limits"),
    ("/guides/returns", "Return labels"),
    ("/help/errors", "Errors and what to do"),
    ("/sdks/python", "Python SDK"),
    ("/sdks/node", "Node SDK"),
    ("/guides/customs", "Customs forms"),
    ("/get-started/sandbox", "Test in the sandbox"),
    ("/guides/migrate-to-v4", "Migrate to v4"),
    ("/integrations/shopify", "Shopify"),
    ("/guides/validate-an-address", "Validate an address"),
    ("/guides/compare-rates", "Compare rates"),
    ("/account/billing", "Billing and invoices"),
    ("/concepts/pagination", "Pagination"),
    ("/concepts/shipments", "Shipments"),
    ("/concepts/idempotency", "Idempotent requests"),
    ("/get-started/api-keys", "API keys"),
    ("/changelog", "Changelog"),
    ("/guides/book-a-pickup", "Book a pickup"),
    ("/guides/print-labels", "Print labels"),
    ("/guides/labels-in-bulk", "Labels in bulk"),
    ("/integrations/woocommerce", "WooCommerce"),
    ("/concepts/carriers", "Carriers"),
    ("/sdks/go", "Go SDK"),
    ("/sdks/php", "PHP SDK"),
    ("/guides/insure-a-parcel", "Insure a parcel"),
    ("/account/team", "Team and roles"),
    ("/help/faq", "Frequently asked questions"),
    ("/concepts/versions", "API versions"),
    ("/guides/several-parcels", "Shipments of several parcels"),
    ("/integrations/netsuite", "NetSuite"),
    ("/sdks/ruby", "Ruby SDK"),
    ("/account/audit-log", "Audit log"),
    ("/help/service-status", "Service status"),
)
"""Path and title of the pages that people write; the most popular ones come first."""

RESOURCES = (
    *("addresses", "carriers", "customs-items", "events", "insurances", "invoices", "labels"),
    *("manifests", "parcels", "pickups", "rates", "refunds", "returns", "shipments", "trackers"),
    "webhook-endpoints",
)
OPERATIONS = ("list", "create", "retrieve", "update", "delete", "search", "cancel", "export")
"""The reference has a page for each operation of each resource, in each version."""

FILLERS = {
    "sdk": ("Python", "Node", "Go", "PHP", "Ruby"),
    "carrier": ("Meridian Express", "Bluefreight", "Alpine Post", "Harbour Couriers"),
    "country": ("Norway", "Switzerland", "Japan", "Brazil", "the UK"),
    "number": ("20", "50", "120", "400", "2,000"),
}

AGAIN = ("That did not work. ", "Still the same. ", "Same question again: ", "ok but ", "")
"""Before a question that repeats the previous one."""
UNANSWERED = (
    "I could not find this in the documentation. The closest page is “{title}”.",
    "The documentation does not say. “{title}” covers a part; support can help with the rest.",
    "I am not sure. “{title}” describes the usual case, which may not be yours.",
)
OUTAGE = (
    "Something went wrong while I searched the documentation. Please try again later.",
    "I cannot reach the documentation at the moment.",
)
CLARIFYING = (
    "Which SDK do you use, and do you call the sandbox or the live API?",
    "Do you mean parcels within a country, or parcels that cross a border?",
)
MORE = (
    "The page “{title}” has an example.",
    "Try it in the sandbox first, which does not cost anything.",
    "If the response is a 4xx, its `message` names the field.",
    "The SDKs for Python, Node, Go, PHP and Ruby do this in one call.",
    "With {carrier}, allow for some hours until you see the change.",
)

PRAISE = (
    "Exactly what I needed.",
    "Clear, and the example works as it is.",
    "Good page, the {sdk} tab saved me an hour.",
    "Thanks, found it at once.",
)
COMPLAINTS = (
    "The {sdk} example does not run with the current SDK.",
    "“{title}” does not say what the error means.",
    "Too long, I only need the request and the response.",
    "Screenshots show the old dashboard.",
    "Which fields are required? The page lists them without saying.",
    "The link to the reference goes to a 404.",
    "Nothing about {carrier} here, although it is in the list of carriers.",
)
PAGE_COMPLAINTS = {
    SIGNATURES.page: (
        "The example leaves out the timestamp, so the signature never matches.",
        "Header is called Tidepost-Signature here and X-Tidepost-Signature in the reference.",
        "Does not say which secret. It took us two days to find out.",
        "Hex or base64? The text says one, the code the other.",
        "The {sdk} example parses the JSON first, then nothing can match any more.",
        "Please add one complete example. Reach me at dana.holt@example.com for ours.",
    ),
    MIGRATION.page: (
        "service_level is gone and the page does not name its replacement.",
        "No word on how long v3 stays.",
        "A table of old and new fields would help more than this text.",
    ),
}
AGENT_COMPLAINTS = (
    "The response schema on this page has no type for `metadata`; I had to guess.",
    "The code block has no language, so I could not tell which SDK it is for.",
    "The page names an error code that the list of errors does not have.",
    "Required and optional parameters cannot be told apart in the Markdown version.",
)
CODE_COMPLAINTS = (
    "Does not compile.",
    "`client` is not defined anywhere in this example.",
    "Works only with the previous version of the SDK.",
)
CODE = (
    ("example.py", "python", 'label = client.labels.create(shipment="shp_{number}")'),
    (None, "bash", "curl https://api.example.com/v4/labels/lab_{number} -H @key.txt"),
    ("app.ts", None, 'const label = await client.labels.retrieve("lab_{number}");'),
    (None, None, '{{"shipment": "shp_{number}", "format": "zpl"}}'),
)
READERS = ("dana.holt", "m.okafor", "jens-petter", "li.wei", "sofia.r", "tomasz.k", "amara.n")

ASSISTANTS = (
    *("Delivery status", "Returns desk", "Merchant support", "Pickup booking", "Address change"),
    *("Claims", "Customs questions", "Night desk", "Survey"),
)
"""Vyom's voice assistants, the most called first."""
