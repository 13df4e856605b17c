#!/usr/bin/env bash
# What a team would look at first.
set -eu
for namespace in fintech-banking default; do
  echo "== $namespace"
  kubectl get pods -n "$namespace"
  kubectl get events -n "$namespace" | tail -5
done
