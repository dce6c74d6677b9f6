#!/bin/sh
# Needs amqp-publish (Debian: amqp-tools). AFTERCARE_AMQP_URL names the broker; the file is the first argument.
set -eu
exec amqp-publish --url="$AFTERCARE_AMQP_URL" --exchange=aftercare --routing-key=booking.created.v1 \
  --persistent --content-type=application/json <"$1"
