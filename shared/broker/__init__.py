"""The only room that knows RabbitMQ: topology as data, publisher, consumer."""
