#!/usr/bin/env bash
# Asks the service whether it is well.
set -eu
kubectl rollout status deployment/platform-service --timeout=60s
curl -sf https://api.example.com/health
