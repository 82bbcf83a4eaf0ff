# The gateway as an image: one program, its policies and migrations inside it. Built with BuildKit.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY assets assets
COPY policies policies
COPY migrations migrations
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --locked --release --bin caregate && cp target/release/caregate /usr/local/bin/caregate

FROM debian:bookworm-slim
# what TLS to providers and issuers is verified by
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
# volumes take over whose these are
RUN groupadd --gid 65532 caregate && useradd --uid 65532 --gid 65532 --no-create-home --shell /usr/sbin/nologin caregate \
    && install -d -o caregate -g caregate -m 0750 /region /checkpoints
COPY --from=build /usr/local/bin/caregate /usr/local/bin/caregate
USER 65532:65532
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# a gateway that cannot write its audit answers nobody, and is not ready
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.0\\r\\n\\r\\n' >&3 && head -1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["caregate"]
CMD ["serve", "--config", "/etc/caregate/caregate.toml"]
