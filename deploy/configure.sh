#!/bin/sh
# The gateways' configuration: what the region wrote in the folder given, and the provider that is no part of it. People's browsers
# are outside, and find the sign-in page by the port that is let through.
set -eu
folder=$1
sed 's#authorize_url = "http://region:#authorize_url = "http://localhost:#' "$folder/caregate.toml" |
    cat - "$(dirname "$0")/hapi.toml" > "$folder/gateway.toml.part"
mv "$folder/gateway.toml.part" "$folder/gateway.toml"
