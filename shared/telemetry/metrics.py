"""The metrics that others rely on (DESIGN.md section 3). One registry per process, so that tests do not collide."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector


class Metrics:
    """Counters and gauges of one service. Labels come from closed lists, never from a person's data."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self.handled = Counter(
            "aftercare_handled", "Deliveries handled", ["queue", "type", "outcome"], registry=registry
        )
        self.handling_seconds = Histogram(
            "aftercare_handling_seconds", "Time to handle one delivery", ["queue", "type"], registry=registry
        )
        self.dead_lettered = Counter(
            "aftercare_dead_lettered", "Deliveries put into a dead-letter queue", ["queue", "cause"], registry=registry
        )
        self.loop_lag = Gauge(
            "aftercare_loop_lag_seconds", "How late the event loop came round the last time", registry=registry
        )
        self.consumer_stopped = Gauge(
            "aftercare_consumer_stopped",
            "1 while a consumer probes because everything fails",
            ["queue"],
            registry=registry,
        )
        self.outbox_pending = Gauge("aftercare_outbox_pending", "Messages waiting to be published", registry=registry)
        self.outbox_oldest = Gauge(
            "aftercare_outbox_oldest_seconds", "Age of the oldest unpublished message", registry=registry
        )
        self.unroutable = Counter(
            "aftercare_unroutable", "Owned messages that the broker could not route", ["type"], registry=registry
        )
        self.planned = Counter("aftercare_messages_planned", "Messages planned", registry=registry)
        self.outcomes = Counter(
            "aftercare_message_outcomes", "Messages ended", ["channel", "outcome", "reason"], registry=registry
        )
        self.due_unsent = Gauge("aftercare_due_unsent", "Messages due and not sent", registry=registry)
        self.due_to_provider = Histogram(
            "aftercare_due_to_provider_seconds",
            "From due to accepted by the provider",
            buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 180, 600, 3600),
            registry=registry,
        )
        self.provider_answers = Counter(
            "aftercare_provider_answers", "Answers of the provider", ["provider", "result"], registry=registry
        )
        self.provider_seconds = Histogram(
            "aftercare_provider_seconds", "Time of a call to the provider", ["provider"], registry=registry
        )
        self.send_slots = Gauge(
            "aftercare_send_slots", "Calls to the provider that may be under way at once", ["lane"], registry=registry
        )
        self.duplicates_suspected = Counter(
            "aftercare_duplicates_suspected", "Texts that may have gone out twice", registry=registry
        )
        self.sending_paused = Gauge(
            "aftercare_sending_paused", "1 while nothing is sent through a provider", ["provider"], registry=registry
        )
        self.unread = Gauge(
            "aftercare_inbound_unread", "Texts from patients that followup has not read yet", registry=registry
        )
        self.unread_pages = Counter(
            "aftercare_inbound_unread_pages",
            "Times that operations people were paged because texts were not read",
            registry=registry,
        )
        self.inbound_recovered = Counter(
            "aftercare_inbound_recovered", "Texts that a sweep found because their webhook was lost", registry=registry
        )
        self.webhooks = Counter("aftercare_webhooks", "Webhook requests", ["route", "status"], registry=registry)
        self.webhook_seconds = Histogram(
            "aftercare_webhook_seconds", "Time to answer one request", ["route"], registry=registry
        )
        self.queue_depth = Gauge("aftercare_queue_depth", "Messages in a queue", ["queue"], registry=registry)
        self.queue_consumers = Gauge("aftercare_queue_consumers", "Readers of a queue", ["queue"], registry=registry)
        self.queue_oldest = Gauge(
            "aftercare_queue_oldest_seconds", "Age of a queue's oldest message", ["queue"], registry=registry
        )
        self.feed_silence = Gauge(
            "aftercare_feed_silence_seconds",
            "Working time since a booking feed was heard of",
            ["clinic_id", "source"],
            registry=registry,
        )
        self.dead_letters_open = Gauge(
            "aftercare_dead_letters_open", "Dead letters that nobody has decided on", registry=registry
        )
        self.oldest_open_alert = Gauge(
            "aftercare_oldest_open_alert_seconds",
            "For how long the oldest safety case waits for a person to take it on",
            registry=registry,
        )
        self.reply_to_answer = Histogram(
            "aftercare_reply_to_answer_seconds",
            "From a text's arrival until it was read and its answer put on the queue",
            buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30, 300, 3600),
            registry=registry,
        )
