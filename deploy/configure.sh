#!/bin/sh
# The gateways' configuration: what the region wrote in the folder given, and the provider that is no part of it.
set -eu
folder=$1
cat "$folder/caregate.toml" "$(dirname "$0")/hapi.toml" > "$folder/gateway.toml.part"
mv "$folder/gateway.toml.part" "$folder/gateway.toml"
