// Publish a booking with amqplib: npm install amqplib && node publish.js ../booking.json
const fs = require("node:fs");
const amqp = require("amqplib");

async function main() {
  const connection = await amqp.connect(process.env.AFTERCARE_AMQP_URL);
  const channel = await connection.createConfirmChannel();
  channel.publish("aftercare", "booking.created.v1", fs.readFileSync(process.argv[2]), {
    persistent: true,
    mandatory: true,
    contentType: "application/json",
  });
  await channel.waitForConfirms(); // rejects unless the broker has the booking
  await connection.close();
  console.log("published; the broker has it");
}

main();
