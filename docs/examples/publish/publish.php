<?php // Publish a booking with the amqp extension (Debian: php-amqp): php publish.php ../booking.json
$at = parse_url(getenv("AFTERCARE_AMQP_URL"));
$connection = new AMQPConnection([
    "host" => $at["host"], "port" => $at["port"] ?? 5672,
    "login" => rawurldecode($at["user"]), "password" => rawurldecode($at["pass"]),
    "vhost" => rawurldecode(substr($at["path"] ?? "/%2F", 1)),
]);
$connection->connect();
$channel = new AMQPChannel($connection);
$channel->confirmSelect();
$channel->setConfirmCallback(fn () => false, fn () => throw new RuntimeException("the broker did not take it"));
$exchange = new AMQPExchange($channel);
$exchange->setName("aftercare");
$exchange->publish(
    file_get_contents($argv[1]), "booking.created.v1", AMQP_MANDATORY,
    ["delivery_mode" => 2, "content_type" => "application/json"],
);
$channel->waitForConfirm(5.0); // throws unless the broker has the booking
echo "published; the broker has it\n";
