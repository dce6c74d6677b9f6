# Publish a booking with bunny (Debian: ruby-bunny): ruby publish.rb ../booking.json
require "bunny"

connection = Bunny.new(ENV.fetch("AFTERCARE_AMQP_URL")).start
channel = connection.create_channel
channel.confirm_select
channel.topic("aftercare", durable: true).publish(
  File.binread(ARGV.fetch(0)),
  routing_key: "booking.created.v1", persistent: true, mandatory: true, content_type: "application/json"
)
abort "the broker did not take it" unless channel.wait_for_confirms
connection.close
puts "published; the broker has it"
